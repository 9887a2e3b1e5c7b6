export default function Cart() {
  return <section>Cart</section>;
}
