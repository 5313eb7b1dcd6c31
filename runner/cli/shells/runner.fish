# Completion of runner for fish, as `runner shell-completion fish` prints it.

function __runner_complete
    set -l typed (commandline -ct)
    set -l flag (string match -r -- '^-[^=]*=' $typed)
    set -l path (string replace -r -- '^-[^=]*=' '' $typed)
    for line in (command runner complete fish -- (commandline -pc | string collect) 2>/dev/null)
        switch $line
            case :files
                printf "$flag%s\n" (__fish_complete_path $path)
            case :folders
                printf "$flag%s\n" (__fish_complete_directories $path)
            case '*'
                echo $line
        end
    end
end

complete -c runner -f -a '(__runner_complete)'
