import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { COLOURS_CHANGED, colour } from '../theme.ts';

interface Series {
  readonly label: string;
  /** The CSS variable of its colour. */
  readonly colour: string;
  readonly values: readonly (number | null)[];
}

interface ChartProps {
  label: string;
  /** Seconds since 1970. */
  times: readonly number[];
  series: readonly Series[];
  format: (value: number) => string;
}

const HEIGHT_PX = 150;
const HOUR_S = 3_600;

/** Lines over time. The text beside it says the last values, for those who do not see the lines. */
export function Chart({ label, times, series, format }: ChartProps) {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const data = [times, ...series.map(({ values }) => values)] as unknown as uPlot.AlignedData;
  const latest = useRef(data);
  latest.current = data;
  const shape = series.map(({ label: name }) => name).join();
  useEffect(() => {
    const element = holder.current;
    if (!element) return;
    const draw = () => {
      plot.current?.destroy();
      plot.current = new uPlot(options(element.clientWidth, series, format), latest.current, element);
    };
    draw();
    const resized = new ResizeObserver(() =>
      plot.current?.setSize({ width: element.clientWidth, height: HEIGHT_PX }),
    );
    resized.observe(element);
    window.addEventListener(COLOURS_CHANGED, draw);
    return () => {
      window.removeEventListener(COLOURS_CHANGED, draw);
      resized.disconnect();
      plot.current?.destroy();
    };
  }, [shape]);
  useEffect(() => plot.current?.setData(data), [times, series]);
  const last = series
    .map(({ label: name, values }) => `${series.length > 1 ? `${name} ` : ''}${format(values.at(-1) ?? 0)}`)
    .join(', ');
  return (
    <figure class="chart">
      <figcaption>
        {label} <span class="quiet">{last}</span>
      </figcaption>
      <div ref={holder} role="img" aria-label={`${label} over the last hour. Now: ${last}`} />
    </figure>
  );
}

function options(width: number, series: readonly Series[], format: (value: number) => string): uPlot.Options {
  const axis = { stroke: colour('--text-quiet'), grid: { stroke: colour('--line') }, ticks: { show: false } };
  return {
    width,
    height: HEIGHT_PX,
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: true, range: (_plot, _min, max) => [max - HOUR_S, max] },
      y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.1 : 1] },
    },
    axes: [axis, { ...axis, size: 64, values: (_plot, ticks) => ticks.map(format) }],
    series: [
      {},
      ...series.map(({ label, colour: name }) => ({
        label,
        stroke: colour(name),
        width: 2,
        points: { show: false },
      })),
    ],
  };
}
