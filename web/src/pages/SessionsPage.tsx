import { PageHead } from "../ui/layout";

export default function SessionsPage() {
  return <PageHead title="Sessions" />;
}
