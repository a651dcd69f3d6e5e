export type { ColourRange } from './colour-bar.ts';
export { densityMap, type DensityMap, type DensityPanel } from './density-map.ts';
export { embedPixels } from './embedded-picture.ts';
export { fullestColumns, type GridShape, ImageGrid, requireImageGrid } from './image-grid.ts';
export { imageTable, type ImageRow, type ImageTable } from './image-table.ts';
export { lineChart, type LineChart, lineCharts, type LineCharts, type Series } from './line-chart.ts';
export {
  type Axis,
  escapeXml,
  type Frame,
  LABEL_ROOM,
  legend,
  type LegendEntry,
  PALETTE,
  panel,
  type Projection,
  round,
  svg,
  text,
  type TextStyle,
} from './plot.ts';
export { pixelsToPng, pngToWebp, svgToPng } from './png.ts';
