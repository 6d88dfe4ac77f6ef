import { useEffect, useState } from 'preact/hooks';

interface Message {
  readonly text: string;
  readonly isError: boolean;
}

let show: (message: Message) => void = () => undefined;

/** Shows the outcome of an action, and has screen readers read it. */
export function announce(text: string): void {
  show({ text, isError: false });
}

export function announceError(error: unknown): void {
  show({ text: error instanceof Error ? error.message : String(error), isError: true });
}

let forget: () => void = () => undefined;

/** An error belongs to the page on which it happened. */
export function forgetError(): void {
  forget();
}

export function Announcer() {
  const [message, setMessage] = useState<Message>({ text: '', isError: false });
  useEffect(() => {
    show = setMessage;
    forget = () => setMessage((message) => (message.isError ? { text: '', isError: false } : message));
  }, []);
  return (
    <div class={message.isError ? 'announcer error' : 'announcer'} role="status" aria-live="polite">
      {message.text}
    </div>
  );
}
