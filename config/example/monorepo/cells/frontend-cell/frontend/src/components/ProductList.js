export default function ProductList() {
  return <section>ProductList</section>;
}
