# Completion of runner for bash, as `runner shell-completion bash` prints it.

_runner() {
    local word
    COMPREPLY=()
    compopt +o default
    while IFS= read -r word; do
        case $word in
            :files) compopt -o default ;;
            :folders) compopt -o dirnames ;;
            *) COMPREPLY+=("$word") ;;
        esac
        case $word in
            *=) compopt -o nospace ;;
            *[!A-Za-z0-9_.:=,/+-]*) compopt -o filenames ;;  # so that it is quoted
        esac
    # The runner of the PATH: a ./runner that came with a project is not run by a tab.
    done < <(command runner complete bash -- \
        "${COMP_LINE:0:COMP_POINT}" "${COMP_WORDS[COMP_CWORD]}" 2>/dev/null)
}

complete -o default -F _runner runner
