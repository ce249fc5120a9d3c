// One accent, quiet greys, 8 px rhythm. Contrast is at least 4.5:1 where Mantine's own is less.
import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from "@mantine/core";

const accent: MantineColorsTuple = [
  "#e6f6f9",
  "#cdebf1",
  "#9fd8e4",
  "#6ec4d6",
  "#48b3ca",
  "#2aa6bf",
  "#1592ab",
  "#0d7d93",
  "#0b6b7e",
  "#075766",
];

/** Text, borders and fields of the dark pages: of the surface's blue, not Mantine's neutral grey. */
const dark: MantineColorsTuple = [
  "#e2e7eb",
  "#c3cad0",
  "#a3acb4",
  "#6f7982",
  "#3a434c",
  "#2a3139",
  "#22282f",
  "#1a1f24",
  "#161a1f",
  "#12161a",
];

export const theme = createTheme({
  primaryColor: "accent",
  primaryShade: { light: 8, dark: 8 },
  colors: { accent, dark },
  defaultRadius: "md",
  respectReducedMotion: true,
  cursorType: "pointer",
  fontFamily:
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', sans-serif",
  headings: { fontWeight: "600", sizes: { h1: { fontSize: "1.625rem", lineHeight: "1.25" } } },
  spacing: { xs: "8px", sm: "12px", md: "16px", lg: "24px", xl: "32px" },
  components: {
    Tooltip: { defaultProps: { withArrow: true, openDelay: 300, transitionProps: { duration: 100 } } },
    Modal: {
      defaultProps: {
        centered: true,
        radius: "lg",
        transitionProps: { duration: 120 },
        // Its head is no second banner of the page.
        attributes: { header: { role: "presentation" } },
      },
      styles: { title: { fontWeight: 600, fontSize: "1.0625rem", lineHeight: 1.3 } },
    },
    Menu: { defaultProps: { shadow: "md", position: "bottom-end" } },
    Paper: { defaultProps: { radius: "lg" } },
  },
});

export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": "#566069",
    "--mantine-color-placeholder": "#6b747c",
    "--mantine-color-error": "#c02626",
    "--mantine-color-anchor": "#0b6b7e",
    "--panel-ink": "#000000",
    "--panel-ground": "#f4f6f8",
    "--panel-surface": "#ffffff",
    "--panel-line": "#dde2e6",
    "--panel-red": "#c92a2a",
    "--plot-line": "#0b6b7e",
    "--plot-other": "#a15c00",
    "--plot-third": "#7a3e9d",
    "--plot-grid": "#e6eaed",
    "--plot-text": "#566069",
  },
  dark: {
    "--mantine-color-dimmed": "#a3acb4",
    "--mantine-color-placeholder": "#8b949c",
    "--mantine-color-error": "#ff8787",
    "--mantine-color-anchor": "#6ec4d6",
    "--mantine-color-body": "#1a1f24",
    "--panel-ink": "#ffffff",
    "--panel-ground": "#12161a",
    "--panel-surface": "#1a1f24",
    "--panel-line": "#2d343b",
    "--panel-red": "#ff6b6b",
    "--plot-line": "#48b3ca",
    "--plot-other": "#f0a94b",
    "--plot-third": "#c79be3",
    "--plot-grid": "#2d343b",
    "--plot-text": "#a3acb4",
  },
});
