//! ctys-completion: the completion of bash, zsh and fish. The scripts are a few lines; what may stand at a place is asked of
//! this program each time (`ctys completion candidates …`), which looks at files of this account and never at the network.

use super::options::opt;
use super::{Call, TOOLS, Tool, usage};
use crate::completion::{Known, candidates, line_words};
use ctys_model::Problem;

/// The tool.
pub const TOOL: Tool = Tool {
    name: "ctys-completion",
    about: "the completion of a shell, with the names of hosts and machines that are known here",
    usage: "bash|zsh|fish",
    options: &[opt(' ', "line", "LINE", "for the scripts, with the word candidates: the line up to the cursor")],
    run,
};

const BASH: &str = "\
# Completion of ctys for bash: source <(ctys completion bash)
_ctys() {
    local line=${COMP_LINE:0:COMP_POINT} cur=${COMP_WORDS[COMP_CWORD]} whole candidate text
    # What bash takes for a word ends at : and =; the candidates are whole words.
    case $cur in :|=) cur= ;; esac
    COMPREPLY=()
    while IFS=$'\\t' read -r candidate text; do
        if [ -z \"${whole+set}\" ]; then whole=$candidate; continue; fi
        COMPREPLY+=(\"$cur${candidate:${#whole}}\")
        case $candidate in *[:=,/]) compopt -o nospace ;; esac
    done < <(command ctys completion --line \"$line\" candidates 2>/dev/null)
}
complete -o default -F _ctys @NAMES@
";

const ZSH: &str = "\
#compdef @NAMES@
# Completion of ctys for zsh: ctys completion zsh >FOLDER/_ctys, where FOLDER is in $fpath
_ctys() {
    local -a all open
    local candidate text first=1
    while IFS=$'\\t' read -r candidate text; do
        if (( first )); then first=0; continue; fi
        case $candidate in
        *[:=,/]) open+=(\"$candidate\") ;;
        *) all+=(\"$candidate\") ;;
        esac
    done < <(command ctys completion -- candidates \"${(@Q)words[1,CURRENT-1]}\" \"${(Q)PREFIX}\" 2>/dev/null)
    if (( $#all + $#open )); then
        (( $#all )) && compadd -U -- \"${all[@]}\"
        (( $#open )) && compadd -U -S '' -- \"${open[@]}\"
        return 0
    fi
    _files
}
if [ \"$funcstack[1]\" = _ctys ]; then _ctys \"$@\"; else compdef _ctys @NAMES@; fi
";

const FISH: &str = "\
# Completion of ctys for fish: ctys completion fish | source
function __ctys_candidates
    set -l found (command ctys completion -- candidates (commandline -opc) (commandline -ct) 2>/dev/null)
    if test (count $found) -gt 1
        string join \\n -- $found[2..-1]
    else
        __fish_complete_path (commandline -ct)
    end
end
for name in @NAMES@
    complete -c $name -f -a '(__ctys_candidates)'
end
";

fn run(call: &mut Call) -> Result<u8, Problem> {
    let arguments = call.given.arguments.clone();
    let script = match arguments.first().map(String::as_str) {
        Some("candidates") => {
            let words = match call.given.last("line") {
                Some(line) => line_words(line),
                None => arguments[1..].to_vec(),
            };
            let known = Known::of(&call.home, call.environment.clone(), &words);
            call.screen.data(&candidates(&words, &known));
            return Ok(0);
        }
        // For ./install: every name that this program and the plugins beside it answer to.
        Some("names") => {
            let known = Known::of(&call.home, call.environment.clone(), &[]);
            let of_plugins = known.manifests().into_iter().flat_map(|manifest| manifest.tools);
            let names = TOOLS.iter().map(|tool| tool.name.to_string()).chain(of_plugins);
            call.screen.data(&names.map(|name| format!("{name}\n")).collect::<String>());
            return Ok(0);
        }
        Some("bash") => BASH,
        Some("zsh") => ZSH,
        Some("fish") => FISH,
        _ => return Err(usage("the name of a shell is expected: bash, zsh or fish")),
    };
    let names: Vec<&str> = std::iter::once("ctys").chain(TOOLS.iter().map(|tool| tool.name)).collect();
    call.screen.data(&script.replace("@NAMES@", &names.join(" ")));
    Ok(0)
}
