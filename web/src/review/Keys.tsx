import { Dialog } from "../ui/Dialog";

const groups: { name: string; keys: [string[], string][] }[] = [
  {
    name: "Moving",
    keys: [
      [["Space"], "play and pause"],
      [["←", "→"], "one frame"],
      [["Shift", "←", "→"], "ten frames"],
      [["Ctrl", "←", "→"], "one second"],
      [["Home", "End"], "first and last frame"],
      [["n", "p"], "next and previous error"],
      [["↑", "↓"], "in the list: previous and next object"],
      [[",", "."], "slower and faster"],
    ],
  },
  {
    name: "Looking",
    keys: [
      [["+", "−", "0"], "zoom in, out, fit"],
      [["Ctrl", "↑", "↓"], "pan up and down"],
      [["Alt", "←", "→"], "pan left and right"],
      [["t"], "truth of what was found"],
      [["l"], "names"],
      [["r"], "track trails"],
      [["1", "2", "3"], "false alarms, misses, found: show or hide"],
      [["[", "]"], "threshold down and up"],
      [["/"], "search"],
      [["f"], "full screen"],
      [["?"], "this list"],
    ],
  },
  {
    name: "Editing truth",
    keys: [
      [["e"], "begin and end"],
      [["b"], "new box in the middle"],
      [["Tab"], "in the picture: next box"],
      [["Alt", "arrows"], "move by a pixel, with Shift by ten"],
      [["Ctrl", "Alt", "arrows"], "resize"],
      [["Delete"], "delete the box"],
      [["i"], "interpolate to the next key box"],
      [["Ctrl", "z"], "undo, with Shift redo"],
      [["Ctrl", "s"], "save as a new version"],
    ],
  },
];

export function Keys({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose} wide>
      <div className="rv-keys">
        {groups.map((g) => (
          <section key={g.name} aria-label={g.name}>
            <h3>{g.name}</h3>
            <dl>
              {g.keys.map(([keys, what]) => (
                <div key={what}>
                  <dt>
                    {keys.map((k) => (
                      <kbd key={k}>{k}</kbd>
                    ))}
                  </dt>
                  <dd>{what}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
