export default function reportWebVitals(report) {
  new PerformanceObserver((list) => list.getEntries().forEach(report)).observe({
    type: 'largest-contentful-paint',
    buffered: true,
  });
}
