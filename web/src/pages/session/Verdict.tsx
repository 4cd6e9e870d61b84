// The verdict and what it rests on: each criterion's figure, its interval and its limit on one scale.
import type { Results } from "../../api/queries";
import type { Schemas } from "../../api/client";
import { Icon, type IconName } from "../../ui/Icon";
import { Card } from "../../ui/layout";
import { hidden, number, Table } from "../../ui/Table";
import { formatMetric, isMilliseconds, metricName } from "./results";

type Judgement = Schemas["Judgement"];
type Criterion = Judgement["criteria"][number];

const OUTCOMES: Record<Judgement["outcome"], { tone: string; icon: IconName; title: string; text: string }> =
  {
    PASS: { tone: "good", icon: "check", title: "Passed", text: "Every criterion is met." },
    CONDITIONAL_PASS: {
      tone: "warn",
      icon: "check",
      title: "Passed with conditions",
      text: "Most criteria are met, not all.",
    },
    FAIL: { tone: "bad", icon: "cross", title: "Failed", text: "Too few criteria are met." },
    NO_DATA: {
      tone: "none",
      icon: "info",
      title: "Open",
      text: "Criteria without data leave the outcome open.",
    },
  };

/** Where values of a criterion lie on its bar, 0..1. */
export function scaleOf(c: {
  metric: string;
  min?: number;
  max?: number;
  value: number | null;
  high: number | null;
}): (v: number) => number {
  const limit = c.min ?? c.max ?? 1;
  const most =
    isMilliseconds(c.metric) || limit > 1 ? Math.max(limit * 2, (c.high ?? c.value ?? 0) * 1.15) : 1;
  return (v) => Math.max(0, Math.min(1, v / most));
}

function Bar({ c }: { c: Criterion & { min?: number; max?: number } }) {
  const at = scaleOf(c);
  const limit = c.min ?? c.max;
  const percent = (v: number) => `${(at(v) * 100).toFixed(2)}%`;
  const tone = c.outcome === "PASS" ? "good" : c.outcome === "FAIL" ? "bad" : "none";
  return (
    <div className={`criterion-bar ${tone}`} aria-hidden="true">
      {c.low !== null && c.high !== null && (
        <i
          className="interval"
          style={{ left: percent(c.low), width: `${((at(c.high) - at(c.low)) * 100).toFixed(2)}%` }}
        />
      )}
      {limit !== undefined && <i className="limit" style={{ left: percent(limit) }} />}
      {c.value !== null && <i className="value" style={{ left: percent(c.value) }} />}
    </div>
  );
}

export function VerdictCard({ results }: { results: Results }) {
  const judgement = results.judgement?.verdict;
  if (!judgement) return null;
  const o = OUTCOMES[judgement.outcome];
  const met = judgement.criteria.filter((c) => c.outcome === "PASS").length;
  return (
    <section className={`card verdict ${o.tone}`} aria-label="Verdict">
      <div className="verdict-head">
        <span className="verdict-mark">
          <Icon name={o.icon} size={26} />
        </span>
        <div>
          <h2>{o.title}</h2>
          <p className="small muted">
            {o.text} {met} of {judgement.criteria.length} by the profile “{judgement.profile}”.
          </p>
        </div>
      </div>
      <Table
        label="Criteria"
        className=""
        head={[
          "Criterion",
          number("Figure"),
          number("95 % interval"),
          number("Limit"),
          hidden("On a scale", "34%"),
          "Met",
        ]}
      >
        {judgement.criteria.map((c) => {
          const k = c as Criterion & { min?: number; max?: number };
          return (
            <tr key={c.metric}>
              <th scope="row">{metricName(c.metric)}</th>
              <td className="num">{formatMetric(c.metric, c.value)}</td>
              <td className="num muted">
                {c.low === null || c.high === null
                  ? "–"
                  : `${formatMetric(c.metric, c.low)} to ${formatMetric(c.metric, c.high)}`}
              </td>
              <td className="num muted">
                {k.min !== undefined
                  ? `≥ ${formatMetric(c.metric, k.min)}`
                  : `≤ ${formatMetric(c.metric, k.max)}`}
              </td>
              <td>
                <Bar c={k} />
              </td>
              <td>
                {c.outcome === "PASS" ? (
                  <span className="row good">
                    <Icon name="check" /> yes
                  </span>
                ) : c.outcome === "FAIL" ? (
                  <span className="row bad">
                    <Icon name="cross" /> no
                  </span>
                ) : (
                  <span className="faint">no data</span>
                )}
              </td>
            </tr>
          );
        })}
      </Table>
    </section>
  );
}

export function NoVerdict() {
  return (
    <Card title="Verdict">
      <p className="muted small">
        The session was started without a profile: it has figures, and no verdict.
      </p>
    </Card>
  );
}
