import { PageHead } from "../ui/layout";

export default function SettingsPage() {
  return <PageHead title="Settings" />;
}
