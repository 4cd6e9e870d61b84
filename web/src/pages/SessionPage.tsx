import { PageHead } from "../ui/layout";

export default function SessionPage() {
  return <PageHead title="Session" />;
}
