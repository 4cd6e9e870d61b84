import type { PageProps } from "../app/routes";

export default function ReviewPage({ params }: PageProps) {
  return <main>Review of video {params["v"]}</main>;
}
