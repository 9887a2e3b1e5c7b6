export default function Checkout() {
  return <section>Checkout</section>;
}
