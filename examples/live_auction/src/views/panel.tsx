/** A frame with its title, and maybe a note, in its upper edge; and a line with something at both ends. */
import { Box, Text } from 'ink';
import type { ReactNode } from 'react';
import { FRAME, TITLE } from './theme.js';

export interface PanelProps {
  readonly title: string;
  readonly note?: string | undefined;
  readonly width: number;
  readonly height: number;
  /** Of frame and title. */
  readonly color?: string | undefined;
  /** Drawn with double lines, so that it stands out without colour as well. */
  readonly isHighlighted?: boolean;
  readonly children: ReactNode;
}

export function Panel({ title, note = '', width, height, color, isHighlighted, children }: PanelProps) {
  const [corner, edge, end] = isHighlighted ? ['╔', '═', '╗'] : ['╭', '─', '╮'];
  const room = width - 6 - (note === '' ? 0 : note.length + 2);
  const shown = title.length > room ? `${title.slice(0, Math.max(0, room - 1))}…` : title;
  const fill = edge.repeat(Math.max(0, room - shown.length + 1));
  const frame = color ?? FRAME;
  return (
    <Box flexDirection="column" width={width} height={height}>
      <Text wrap="truncate" color={frame}>
        {corner}
        {edge}{' '}
        <Text bold color={color ?? TITLE}>
          {shown}
        </Text>{' '}
        {fill}
        {note === '' ? '' : ` ${note} `}
        {end}
      </Text>
      <Box
        // A box of its own for each style: ink forgets that there is no upper border when the style changes.
        key={isHighlighted ? 'highlighted' : 'plain'}
        flexDirection="column"
        borderStyle={isHighlighted ? 'double' : 'round'}
        borderTop={false}
        borderColor={frame}
        paddingX={1}
        width={width}
        height={height - 1}
        overflow="hidden"
      >
        {children}
      </Box>
    </Box>
  );
}

export interface LineProps {
  readonly left: ReactNode;
  readonly right?: ReactNode;
}

/** `left` gives way where there is not room for both. */
export function Line({ left, right }: LineProps) {
  return (
    <Box height={1} width="100%" flexShrink={0}>
      <Box flexGrow={1} flexShrink={1} overflow="hidden">
        <Text wrap="truncate">{left}</Text>
      </Box>
      {right === undefined ? null : (
        <Box flexShrink={0} marginLeft={1}>
          <Text wrap="truncate">{right}</Text>
        </Box>
      )}
    </Box>
  );
}
