// Uploads a file with tus-js-client and says as a JSON line what was asked and answered.
// usage: tus-upload.mjs ENDPOINT FILE METADATA-JSON CHUNK-BYTES [PAUSE-AT-BYTES]
import { readFileSync } from "node:fs";
import { Upload } from "tus-js-client";

const [endpoint, file, metadata, chunk, pauseAt] = process.argv.slice(2);
const requests = [];
let paused = !pauseAt;

const upload = new Upload(readFileSync(file), {
  endpoint,
  metadata: JSON.parse(metadata),
  chunkSize: Number(chunk),
  retryDelays: [100, 200, 400, 800, 1600, 3200, 3200, 3200],
  onAfterResponse: (request, response) =>
    void requests.push([request.getMethod(), response.getStatus(), response.getHeader("Upload-Offset") ?? null]),
  onProgress: (sent) => {
    if (paused || sent < Number(pauseAt)) return;
    paused = true;
    upload.abort().then(() => {
      requests.push(["paused", 0, null]);
      setTimeout(() => upload.start(), 300);
    });
  },
  onError: (error) => {
    console.log(JSON.stringify({ error: String(error), url: upload.url, requests }));
    process.exit(1);
  },
  onSuccess: ({ lastResponse }) =>
    console.log(JSON.stringify({ url: upload.url, location: lastResponse.getHeader("Location") ?? null, requests })),
});
upload.start();
