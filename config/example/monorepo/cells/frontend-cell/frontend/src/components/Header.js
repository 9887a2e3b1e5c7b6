export default function Header() {
  return <section>Header</section>;
}
