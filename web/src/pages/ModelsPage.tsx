import { PageHead } from "../ui/layout";

export default function ModelsPage() {
  return <PageHead title="Models" />;
}
