import { CommandError, ExitCode } from '#exit-code.ts';
import { FILES } from './complete.ts';

const BASH = `# wrenmq completion for bash
_wrenmq() {
  local IFS=$'\\n' current="\${COMP_WORDS[COMP_CWORD]}" found
  found=$("\${COMP_WORDS[0]}" complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  if [[ $found == ${FILES} ]]; then
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$current"))
  else
    COMPREPLY=($(compgen -W "$(cut -f1 <<<"$found")" -- "$current"))
  fi
}
complete -F _wrenmq wrenmq
`;

const ZSH = `#compdef wrenmq
# wrenmq completion for zsh
_wrenmq() {
  local -a found described
  found=("\${(@f)$("\${words[1]}" complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ $found == ${FILES} ]]; then
    _files
    return
  fi
  described=("\${(@)\${(@)found//:/\\\\:}/$'\\t'/:}")
  _describe wrenmq described
}
if [[ $funcstack[1] == _wrenmq ]]; then _wrenmq "$@"; else compdef _wrenmq wrenmq; fi
`;

const FISH = `# wrenmq completion for fish
function __wrenmq_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l found ($words[1] complete -- $words[2..-1] 2>/dev/null)
  if test "$found" = "${FILES}"
    __fish_complete_path (commandline -ct)
  else
    string join \\n -- $found
  end
end
complete -c wrenmq -f -a '(__wrenmq_complete)'
`;

const POWERSHELL = `# wrenmq completion for PowerShell
Register-ArgumentCompleter -Native -CommandName wrenmq -ScriptBlock {
  param($word, $ast, $cursor)
  $words = @($ast.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursor } | Select-Object -Skip 1 | ForEach-Object { "$_" })
  # An empty word would be dropped on its way to a program by versions before 7.3.
  $found = @(& $ast.CommandElements[0].Value complete -- @words $(if ($word -eq '') { '""' } else { $word }) 2>$null)
  if ($found.Count -eq 1 -and $found[0] -eq '${FILES}') { return }
  $found | ForEach-Object {
    $name, $what = $_ -split "\`t", 2
    if (-not $what) { $what = $name }
    if ($name -like "$word*") { [System.Management.Automation.CompletionResult]::new($name, $name, 'ParameterValue', $what) }
  }
}
`;

const SCRIPTS: Readonly<Record<string, string>> = { bash: BASH, zsh: ZSH, fish: FISH, powershell: POWERSHELL };

/** `wrenmq completion` */
export function completion(shell: string): void {
  const script = SCRIPTS[shell];
  if (script === undefined)
    throw new CommandError(`wrenmq: ${shell}: there are scripts for ${Object.keys(SCRIPTS).join(', ')}`, ExitCode.Usage);
  process.stdout.write(script);
}
