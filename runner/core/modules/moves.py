"""What [[moved]] and [[removed]] blocks say of records: new names, and what is only forgotten."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from runner.core.address import module_of, split_key
from runner.core.modules.folder import Block
from runner.core.modules.module import CompiledModule, declared_at, module_at
from runner.core.state.records import Record
from runner.errors import Problem

Moves = tuple[tuple[str, str], ...]


def check_moves(module: CompiledModule, problems: list[Problem]) -> None:
    """Append a problem for each block of a module that moves or removes what is still there."""
    known: dict[str, Block] = {}
    for block in module.blocks.lists["moved"]:
        pair = _pair(block)
        if pair is None:
            continue  # the check of the block has said so
        first = known.setdefault(pair[0], block)
        said = _fault(module, *pair)
        if first is not block:
            said = f"{pair[0]} was already moved, at {first.where()}. It can go to one place only."
        if said:
            problems.append(block.problem("Invalid move", said, ("from",)))
    problems += _cycles(known)
    for block in module.blocks.lists["removed"]:
        source = block.table.get("from")
        if isinstance(source, str) and _stands(module, source):
            said = (
                f"{source} is still in the configuration. [[removed]] is for what is not there "
                "any more: take out the block, or this."
            )
            problems.append(block.problem("Not removed", said, ("from",)))


def declared_moves(root: CompiledModule, addresses: Iterable[str]) -> Moves:
    """The [[moved]] blocks of every module that the addresses stand in, as whole addresses."""
    return tuple(
        (f"{prefix}{source}", f"{prefix}{target}")
        for prefix, block in _of_modules(root, addresses, "moved")
        for source, target in [_pair(block) or ("", "")]
        if source
    )


def forgotten(root: CompiledModule, addresses: Iterable[str]) -> tuple[str, ...]:
    """What [[removed]] blocks take out of the state and leave at the server."""
    return tuple(
        f"{prefix}{block.table['from']}"
        for prefix, block in _of_modules(root, addresses, "removed")
        if block.table.get("destroy") is not True
    )


def move_records(records: Mapping[str, Record], moves: Moves) -> tuple[dict[str, Record], Moves]:
    """The records after the moves, and which addresses were renamed to which.

    The order of the moves does not matter. A move whose target already has a record changes
    nothing, as in Terraform.
    """
    held = dict(records)
    came_from: dict[str, str] = {}
    for _ in moves:  # a chain is as long as there are moves
        changed = False
        for source, target in moves:
            for address in [name for name in held if _follows(name, source, target)]:
                new = target + address[len(source) :]
                if new not in held:
                    held[new] = replace(held.pop(address), address=new)
                    came_from[new] = came_from.pop(address, address)
                    changed = True
        if not changed:
            break
    return held, tuple((old, new) for new, old in came_from.items())


def _pair(block: Block) -> tuple[str, str] | None:
    source, target = block.table.get("from"), block.table.get("to")
    if isinstance(source, str) and isinstance(target, str) and source != target:
        return source, target
    return None


def _of_modules(
    root: CompiledModule, addresses: Iterable[str], kind: str
) -> Iterable[tuple[str, Block]]:
    prefixes = {"": None}
    inside = any(_says(child, kind) for child in root.children.values())
    for address in addresses if inside else ():
        prefix = module_of(address)
        while prefix not in prefixes:
            prefixes[prefix] = None
            prefix = module_of(prefix.rstrip("."))
    for prefix in prefixes:
        module = module_at(root, prefix)
        for block in module.blocks.lists[kind] if module is not None else ():
            yield prefix, block


def _says(module: CompiledModule, kind: str) -> bool:
    """Whether a module, or one below it, has such blocks."""
    if module.blocks.lists[kind]:
        return True
    return any(_says(child, kind) for child in module.children.values())


def _follows(address: str, source: str, target: str) -> bool:
    """Whether an address goes along: what is inside of a module does, and the instances of a
    block where neither name has a key.
    """
    if address == source or address.startswith(f"{source}."):
        return True
    keyed = source.endswith("]") or target.endswith("]")
    return not keyed and address.startswith(f"{source}[")


def _fault(module: CompiledModule, source: str, target: str) -> str | None:
    if _is_module(source) != _is_module(target):
        return f"A module can only become a module, and {source} and {target} are not alike."
    if _stands(module, source) and split_key(target)[0] != source:
        return (
            f"{source} is still in the configuration, so its record stays there. Take out its "
            "block, or this one."
        )
    return None


def _stands(module: CompiledModule, address: str) -> bool:
    """Whether a block is there; of an instance nobody knows yet."""
    return not address.endswith("]") and declared_at(module, address) is not None


def _is_module(address: str) -> bool:
    block = split_key(address)[0]
    return block.removeprefix(module_of(block)).startswith("module.")


def _cycles(known: Mapping[str, Block]) -> Iterable[Problem]:
    targets = {source: str(block.table["to"]) for source, block in known.items()}
    for source, block in known.items():
        chain = [source]
        while chain[-1] in targets and len(chain) <= len(targets):
            chain.append(targets[chain[-1]])
            if chain[-1] == source and source == min(chain):
                said = f"These moves lead back: {' -> '.join(chain)}."
                yield block.problem("Cyclic moves", said, ("from",))
                break
