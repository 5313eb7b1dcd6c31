"""What happens: files, network, cache, model; decides nothing."""
