// A table with its head, in a frame of its own that scrolls where the window is narrow.
import type { ReactNode } from "react";

import { formatCount } from "./format";

export interface Head {
  text: ReactNode;
  isNumber?: boolean;
  /** For screen readers only. */
  isHidden?: boolean;
  width?: string;
  /** Left out where the window is narrow; its cells bear the class wide-only. */
  isWideOnly?: boolean;
  sort?: "ascending" | "descending";
}

export const number = (text: string): Head => ({ text, isNumber: true });
export const ifWide = (head: string | Head): Head =>
  typeof head === "string" ? { text: head, isWideOnly: true } : { ...head, isWideOnly: true };
export const hidden = (text: string, width?: string): Head => ({ text, isHidden: true, width });
export const wide = (text: ReactNode, width: string): Head => ({ text, width });

function HeadCell({ head }: { head: Head }) {
  return (
    <th
      aria-sort={head.sort}
      className={
        [head.isNumber && "num", head.isWideOnly && "wide-only"].filter(Boolean).join(" ") || undefined
      }
      style={head.width ? { width: head.width } : undefined}
    >
      {head.isHidden ? <span className="sr-only">{head.text}</span> : head.text}
    </th>
  );
}

export function Table({
  label,
  head,
  children,
  foot,
  className = "hover",
}: {
  label: string;
  head: (string | Head | false)[];
  /** Its rows. */
  children: ReactNode;
  foot?: ReactNode;
  className?: string;
}) {
  return (
    <div className="table-scroll" tabIndex={0} role="region" aria-label={label}>
      <table className={`table ${className}`}>
        <thead>
          <tr>
            {head
              .filter((h) => h !== false)
              .map((h, i) => (
                <HeadCell key={i} head={typeof h === "string" ? { text: h } : h} />
              ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
      {foot}
    </div>
  );
}

/** Under a list of which only a part is shown. */
export function ShowMore({ shown, of, onMore }: { shown: number; of: number; onMore: () => void }) {
  if (of <= shown) return null;
  return (
    <div className="row table-more">
      <button type="button" className="button small" onClick={onMore}>
        Show more of {formatCount(of)}
      </button>
    </div>
  );
}
