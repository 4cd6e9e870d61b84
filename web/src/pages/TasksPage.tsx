import { PageHead } from "../ui/layout";

export default function TasksPage() {
  return <PageHead title="Tasks" />;
}
