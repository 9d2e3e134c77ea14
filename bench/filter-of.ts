/** The filter of subscription `index`: of twenty one ends with `#`, one has a `+`. */
export function filterOf(index: number): string {
  const site = index % 1000;
  switch (index % 20) {
    case 0:
      return `site/${site}/device/${index}/#`;
    case 10:
      return `site/+/device/${index}/temp`;
    default:
      return `site/${site}/device/${index}/temp`;
  }
}
