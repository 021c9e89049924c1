import { useId, type FormEvent } from "react";

import { useAttempt } from "./Problems";

interface Props {
  label: string;
  placeholder: string;
  maxLength: number;
  button?: string;
  autoComplete?: string;
  add: (text: string) => Promise<unknown>;
}

/** A field and a button that sends what is in it. */
export function NewRow({ label, button = "Add", autoComplete = "off", add, ...field }: Props) {
  const id = useId();
  const attempt = useAttempt();
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const input = event.currentTarget.elements.namedItem("text") as HTMLInputElement;
    const text = input.value.trim();
    if (!text) return;
    // At once: what is typed next is not to go when the answer comes.
    input.value = "";
    if (!(await attempt(add(text))) && !input.value) input.value = text;
  };
  return (
    <form className="new-row" onSubmit={submit}>
      <label className="hidden-label" htmlFor={id}>
        {label}
      </label>
      <input id={id} name="text" required autoComplete={autoComplete} {...field} />
      <button className="primary">{button}</button>
    </form>
  );
}
