import { useState, type KeyboardEvent } from "react";

interface Props {
  label: string;
  value: string;
  maxLength: number;
  readOnly?: boolean;
  save: (value: string) => void;
}

/** A text that can be rewritten in its place: saved on Enter and when the focus leaves, taken back by Escape. */
export function Editable({ label, value, save, ...field }: Props) {
  // While somebody types, what others write waits.
  const [draft, setDraft] = useState<string | null>(null);
  const end = () => {
    setDraft(null);
    const text = draft?.trim();
    if (text && text !== value) save(text);
  };
  const press = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.key === "Escape") setDraft(null);
    if (event.key !== "Enter" || event.nativeEvent.isComposing) return;
    event.preventDefault();
    event.currentTarget.blur();
  };
  return (
    <textarea
      className="editable"
      rows={1}
      aria-label={label}
      enterKeyHint="done"
      value={draft ?? value}
      onChange={(event) => setDraft(event.target.value)}
      onKeyDown={press}
      onBlur={end}
      {...field}
    />
  );
}
