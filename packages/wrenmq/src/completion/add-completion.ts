import type { Command } from 'commander';
import { describeCommand } from '#describe-command.ts';

/** `wrenmq completion`, and what the scripts that it prints call. */
export function addCompletion(program: Command): void {
  describeCommand(program.command('completion <shell>'), 'print a script that completes commands and flags', [
    ['wrenmq completion bash > ~/.local/share/bash-completion/completions/wrenmq', 'bash'],
    ['wrenmq completion zsh > ~/.zfunc/_wrenmq', 'zsh; ~/.zfunc must be in fpath'],
    ['wrenmq completion fish > ~/.config/fish/completions/wrenmq.fish', 'fish'],
    ['wrenmq completion powershell >> $PROFILE', 'PowerShell'],
  ]).action(async (shell: string) => (await import('./completion.ts')).completion(shell));
  program
    .command('complete', { hidden: true })
    .argument('[words...]')
    .allowUnknownOption()
    .helpOption(false)
    .action(async (words: string[]) => (await import('./complete.ts')).complete(words, program));
}
