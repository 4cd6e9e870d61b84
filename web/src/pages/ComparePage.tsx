import { PageHead } from "../ui/layout";

export default function ComparePage() {
  return <PageHead title="Compare" />;
}
