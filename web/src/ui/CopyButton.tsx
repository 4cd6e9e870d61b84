// Lays a text on the clipboard, and says so.
import { Button, type ButtonProps } from "./Button";
import { toast } from "./toast";

export function CopyButton({
  text,
  what,
  ...rest
}: Omit<ButtonProps, "onClick" | "children"> & {
  text: () => string;
  /** "The key". */
  what: string;
}) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text()); // there is none where the page came without TLS
      toast(`${what} is on the clipboard.`);
    } catch {
      toast(`The browser does not allow copying: select ${what.toLowerCase()} by hand.`, "info");
    }
  };
  return (
    <Button icon="file" {...rest} onClick={() => void copy()}>
      Copy
    </Button>
  );
}
