// The button of a video that could not be read, or whose reading was cancelled: it is looked at again.
import { useMutation, useQueryClient } from "@tanstack/react-query";

import { actions, invalidateFor, type Video } from "../api/queries";
import { Button } from "../ui/Button";
import { toastError } from "../ui/toast";

export function ReadAgain({ video }: { video: Video }) {
  const client = useQueryClient();
  const again = useMutation({
    mutationFn: () => actions.readVideo(video.id),
    onError: (e) => toastError(`${video.name} could not be read again`, e),
    // Busy until the lists say what has become of it, whoever asked for it.
    onSettled: () => invalidateFor(client, { project_id: video.project_id, video_id: video.id }),
  });
  return (
    <Button
      small
      icon="retry"
      busy={again.isPending}
      aria-label={`Read ${video.name} again`}
      onClick={() => again.mutate()}
    >
      Read again
    </Button>
  );
}
