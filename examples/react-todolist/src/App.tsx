import { Header } from "./Header";
import { ListCard } from "./ListCard";
import { useListIds } from "./lists";
import { NewRow } from "./NewRow";
import { useUser } from "./live";
import { request } from "./rest";

export function App() {
  const user = useUser();
  const ids = useListIds();
  return (
    <>
      <Header />
      <main aria-label="Lists">
        {user === null && <p className="hint">Log in under any name, there is no password, and you see which tasks are done.</p>}
        {ids?.map((id) => <ListCard key={id} id={id} ids={ids} />)}
        {ids && (
          <section className="card new-list">
            <p className="no-list">There is no list yet. Add one, and it shows up in every window.</p>
            <NewRow label="Name of a new list" placeholder="New list" maxLength={100} add={(name) => request("POST", "/lists/", { name })} />
          </section>
        )}
      </main>
    </>
  );
}
