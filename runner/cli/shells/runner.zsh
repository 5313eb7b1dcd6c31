#compdef runner
# Completion of runner for zsh, as `runner shell-completion zsh` prints it.

_runner() {
    local line word
    local -a found shown open
    # The runner of the PATH: a ./runner that came with a project is not run by a tab.
    for line in "${(@f)$(command runner complete zsh -- \
            "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}"; do
        word=${line%%$'\t'*}
        case $word in
            '') ;;
            :files)
                [[ $PREFIX == -*=* ]] && compset -P '*='
                _files
                ;;
            :folders)
                [[ $PREFIX == -*=* ]] && compset -P '*='
                _files -/
                ;;
            *=) open+=("$word") ;;
            *)
                found+=("$word")
                shown+=("${line/$'\t'/  -- }")
                ;;
        esac
    done
    (( $#open )) && compadd -S '' -a open
    (( $#found )) && compadd -l -d shown -a found
}

if [[ $funcstack[1] == _runner ]]; then
    _runner "$@"
else
    compdef _runner runner
fi
