import { PageHead } from "../ui/layout";

export default function LoginPage() {
  return <PageHead title="Login" />;
}
