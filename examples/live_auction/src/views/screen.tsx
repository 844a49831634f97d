/** What every view has around it: what this is and how the link is, and which keys do something. */
import { Box, Text } from 'ink';
import type { ReactNode } from 'react';
import { Line } from './panel.js';
import { ACCENT, BAD, FRAME, GOOD, WARM } from './theme.js';

export interface ScreenProps {
  readonly title: string;
  readonly note: string;
  readonly status: string;
  readonly latencyMs: number | undefined;
  readonly keys: readonly (readonly [key: string, what: string])[];
  readonly width: number;
  readonly height: number;
  readonly children: ReactNode;
}

/** Rows that are not for the view itself. */
export const SCREEN_ROWS = 2;

export function Screen({ title, note, status, latencyMs, keys, width, height, children }: ScreenProps) {
  const color = status === 'ready' ? GOOD : status === 'reconnecting' ? BAD : WARM;
  return (
    <Box flexDirection="column" width={width} height={height}>
      <Box paddingX={1} width={width}>
        <Box flexGrow={1}>
          <Line
            left={
              <>
                <Text bold color={ACCENT}>
                  DEMITTER
                </Text>{' '}
                <Text bold>{title}</Text> <Text dimColor>{note}</Text>
              </>
            }
            right={
              <Text color={color}>
                ● {status}
                {latencyMs === undefined ? '' : ` ${latencyMs.toFixed(1)} ms`}
              </Text>
            }
          />
        </Box>
      </Box>
      {children}
      <Box paddingX={1} width={width}>
        <Text wrap="truncate">
          {keys.map(([key, what]) => (
            <Text key={key}>
              <Text color={ACCENT}>{key}</Text> <Text color={FRAME}>{what}</Text>
              {'   '}
            </Text>
          ))}
        </Text>
      </Box>
    </Box>
  );
}
