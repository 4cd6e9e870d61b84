import { PageHead } from "../ui/layout";

export default function ProjectPage() {
  return <PageHead title="Project" />;
}
