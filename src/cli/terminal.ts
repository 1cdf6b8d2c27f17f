import type { Io } from './io.ts';

/** What comes from the wire must not steer the terminal it is shown on: control characters are written as escapes. */
export function harmless(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu,
    (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

/** The same outputs, on which what peers say is {@link harmless} where a terminal shows it; a pipe gets it as it came. */
export function harmlessOn<Outputs extends Pick<Io, 'stdout' | 'stderr'>>(io: Outputs): Outputs {
  return { ...io, stdout: guarded(io.stdout), stderr: guarded(io.stderr) };
}

function guarded(output: Io['stdout']): Io['stdout'] {
  if (output.isTTY !== true) return output;
  return { isTTY: true, write: (text) => output.write(text.split('\n').map(harmless).join('\n')) };
}
