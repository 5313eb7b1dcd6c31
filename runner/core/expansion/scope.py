"""Variables in, instances out: every block of every module as the completions it stands for."""

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from runner.core.address import Key, blocks_of, module_of, selects, with_key
from runner.core.budget import Rendering
from runner.core.expansion.instances import Pairs, pairs_of, verdict_keys
from runner.core.expansion.lazy import (
    ByCell,
    ByIndex,
    ByKey,
    EachLater,
    JudgedAnswer,
    Lazy,
    MatrixCell,
)
from runner.core.expansion.once import Once, ValueKind, ValueName
from runner.core.expansion.session import Instance, Judged, Session
from runner.core.expressions.functions import functions
from runner.core.expressions.template import follow
from runner.core.modules.conditions import as_declared, check_conditions, default_of
from runner.core.modules.module import CompiledModule, Declared, Judging, NamedValue, refs_of
from runner.core.modules.sensitivity import Sensitivity
from runner.core.modules.variables import missing_there, required_in
from runner.core.values import Names, NotKnown, Ref, TemplateError, plain, weigh, written
from runner.errors import RunnerError, sentence


class Scope:
    """One instance of a module: what its expressions see, and what those depend on."""

    def __init__(
        self,
        session: Session,
        module: CompiledModule,
        prefix: str = "",
        call: Instance | None = None,
    ) -> None:
        self.session, self.module, self.prefix, self.call = session, module, prefix, call
        self._once = Once(self._declared, self._evaluate)
        self._deps: dict[tuple[str, str], tuple[str, ...]] = {}
        self._called: dict[str, Any] = {}  # what a call's instances put out, once all are there
        self.shapes: dict[tuple[str, str], object] = {}  # what body.py prepares once a block
        self.sensitivity: Sensitivity = (
            Sensitivity(module) if call is None else call.scope.sensitivity.inner(call.declared)
        )
        self.sensitive, self.masks = self.sensitivity.of, self.sensitivity.masks
        self.masks_any = self.sensitivity.masks_any
        session.scopes[prefix] = self
        self.names: Names = {
            "var": Lazy(module.variables, lambda name: self.value("var", name)),
            "local": Lazy(module.locals, lambda name: self.value("local", name)),
            "completion": Lazy(module.completions, lambda n: self.answers(module.completions[n])),
            "data": Lazy((name.split(".", 1)[0] for name in module.data), self._data),
            "module": Lazy(module.calls, self._outputs),
            "path": {"root": _way(module.folder, session.root.folder), "module": "."},
            "workspace": session.workspace,
            **functions(session.world, module.folder),
        }

    def address(self, declared: Declared) -> str:
        """The address of a block of this module, without a key."""
        return f"{self.prefix}{declared.address}"

    # -- values

    def value(self, kind: ValueKind, name: str) -> Any:
        """A variable, local or output of this module; evaluated once."""
        return self._once.value((kind, name))

    def _declared(self, named: ValueName) -> NamedValue:
        kind, name = named
        match kind:
            case "var":
                return self.module.variables[name]
            case "local":
                return self.module.locals[name]
            case "output":
                return self.module.outputs[name]

    def _evaluate(self, named: ValueName) -> Any:
        if named[0] == "var":
            return self._variable(named[1])
        value = self._declared(named)
        if value.conditions:
            self._require(named, value)
        try:
            with Rendering():  # its own, whoever is the first to ask for it
                made = value.node.render(self.names)
            if not self.session.world.has_read(made):
                weigh(made)
            return made
        except TemplateError as exc:
            said = f"In {self.prefix}{written(named)}: {sentence(exc.message)}"
            problem = value.block.problem("Invalid expression", said, exc.path, at=exc.at)
            raise RunnerError(problem) from exc

    def _require(self, named: ValueName, value: NamedValue) -> None:
        """RunnerError where an output's preconditions do not hold."""
        problems = [
            value.block.problem(
                "Precondition failed", f"{self.prefix}{written(named)} has no value: {said}", path
            )
            for path, said, _ in check_conditions(value.conditions, self.names, self.masks)
        ]
        if problems:
            raise RunnerError(*problems)

    def _variable(self, name: str) -> Any:
        if self.call is None:
            return self.session.values[name]
        declared = self.module.variables[name]
        block = self.call.declared.block
        value = self._given(name, declared, self.call)
        if self.sensitive(("var", name)):
            self.session.world.keep_secret(value)
        names = {"var": {name: value}, "workspace": self.session.workspace}
        problems = [
            block.problem(
                "Invalid value for variable", f"var.{name} of {self.call.address}: {said}", (name,)
            )
            for _, said, _ in check_conditions(declared.conditions, names, self.masks)
        ]
        if problems:
            raise RunnerError(*problems)
        return value

    def _given(self, name: str, declared: NamedValue, call: Instance) -> Any:
        """What a module's call gives for a variable, as its type; else the default."""
        node = call.declared.params.get(name)
        if node is None and self.session.workspace in required_in(declared):
            here = self.session.workspace
            detail = missing_there(name, here, f"Write {name} = .. in this block.")
            raise RunnerError(call.declared.block.problem("Missing variable", detail))
        try:
            if node is None:
                return as_declared(declared, default_of(declared))
            return as_declared(declared, plain(node.render(call.names())))
        except ValueError as exc:
            said = "it does not have the declared type" if self.sensitive(("var", name)) else exc
            detail = f"The value of var.{name} of {call.address} does not fit: {said}."
            problem = call.declared.block.problem("Wrong type", detail, (name,))
            raise RunnerError(problem) from exc
        except TemplateError as exc:
            raise call.fault(exc) from exc

    # -- instances

    def ensure(self, declared: Declared) -> None:
        """Expand a block whose instances hang on no answer, once."""
        address = self.address(declared)
        if address in self.session.expanded or self.expansion_deps(declared):
            return
        self.session.expanded.add(address)
        for instance in self.instances(declared):
            if declared.kind != "module":
                return  # its keys are known now
            self.child(instance)

    def instances(self, declared: Declared) -> Iterator[Instance]:
        """The instances of a block; NotKnown when they hang on an answer that has not come."""
        address = self.address(declared)
        if declared.judging is not None:
            yield from self._judges(declared, declared.judging)
            return
        if not declared.repeated:
            yield Instance(address, declared, self)
            return
        for key, value in self._pairs(declared):
            yield Instance(with_key(address, key), declared, self, key, value)

    def _judges(self, declared: Declared, judging: Judging) -> Iterator[Instance]:
        """A judge's instances: under the keys of those that it judges."""
        address = self.address(declared)
        chosen = [
            instance
            for block in judging.blocks
            for scope, judged in self._places(blocks_of(block))
            for instance in scope.instances(judged)
            if any(selects(f"{self.prefix}{pattern}", instance.address) for pattern in judging.of)
        ]
        if address not in self.session.keys:
            self.session.admit(declared, len(chosen) * judging.samples)
        keyed = [
            (key, instance)
            for instance in chosen
            for key in verdict_keys(
                instance.address.removeprefix(self.prefix), instance.key, judging
            )
        ]
        self.session.keys[address] = dict.fromkeys(key for key, _ in keyed if key is not None)
        for key, instance in keyed:
            yield Instance(with_key(address, key), declared, self, key, Judged(instance))

    def _places(self, way: Sequence[tuple[str, str]]) -> Iterator[tuple["Scope", Declared]]:
        """A completion in each instance of the modules that lead to it."""
        (_, name), *inside = way
        if not inside:
            yield self, self.module.completions[name]
            return
        for scope in self.children(name):
            yield from scope._places(inside)  # noqa: SLF001

    def _pairs(self, declared: Declared) -> Pairs:
        address = self.address(declared)
        pairs = self.session.pairs.get(address)
        if pairs is None:
            pairs = self.session.pairs[address] = pairs_of(
                declared, address, self.names, self.masks
            )
            self.session.admit(declared, len(pairs))
            self.session.keys[address] = dict.fromkeys(key for key, _ in pairs)
            if "enabled" in declared.meta:
                self.session.optional.add(address)
        return pairs

    def child(self, call: Instance) -> "Scope | None":
        """The module that a call stands for, with the call's values."""
        module = self.module.children.get(call.declared.name)
        if module is None:
            return None
        prefix = f"{call.address}."
        return self.session.scopes.get(prefix) or Scope(self.session, module, prefix, call)

    def children(self, name: str) -> list["Scope"]:
        """All instances of a module call, as scopes."""
        declared = self.module.calls[name]
        address = self.address(declared)
        self.ensure(declared)
        if declared.repeated:
            keys = self.session.known_keys(address)
            found = [self.session.scopes.get(f"{with_key(address, key)}.") for key in keys]
        else:
            found = [self.session.scopes.get(f"{address}.")]
        return [scope for scope in found if scope is not None]

    def answers(self, declared: Declared) -> Any:
        """The answer of a block, or those of all its instances."""
        address = self.address(declared)
        if not declared.repeated:
            return self.session.answer(address)
        if declared.has_keys:
            return ByKey(self.session, address, declared.axes)
        return ByIndex(self.session, address)

    def _data(self, kind: str) -> Lazy:
        held = self.module.data
        names = [name.split(".", 1)[1] for name in held if name.split(".", 1)[0] == kind]
        return Lazy(names, lambda name: self.answers(held[f"{kind}.{name}"]))

    def _outputs(self, name: str) -> Any:
        """The outputs of a module call, or those of each of its instances."""
        declared = self.module.calls[name]
        if not declared.repeated:
            scopes = self.children(name)
            return scopes[0].outputs if scopes else None
        if name not in self._called:
            scopes = self.children(name)
            made = _of_each(scopes, declared)
            if len(scopes) < len(self.session.known_keys(self.address(declared))):
                return made  # the others are just being made
            self._called[name] = made
        return self._called[name]

    @property
    def outputs(self) -> Lazy:
        """`module.m`: the outputs of this module."""
        return Lazy(self.module.outputs, lambda name: self.value("output", name))

    # -- dependencies

    def expansion_deps(self, declared: Declared) -> tuple[str, ...]:
        """The addresses whose answers a block's instances need; none where the keys alone of other
        instances say which there will be.
        """
        if declared.judging is not None:
            return self._late(declared.judging)
        if not declared.repeated:
            return ()
        held = ("expand", declared.address)
        if held not in self._deps:
            self._deps[held] = (self.address(declared),)  # one that names itself is told as a cycle
            refs = refs_of([declared.meta[declared.repeated_by]])
            needs = self.deps(refs)
            self._deps[held] = () if needs and self._has_keys(declared, refs) else needs
        return self._deps[held]

    def _late(self, judging: Judging) -> tuple[str, ...]:
        """The blocks whose instances, once known, say which answers there will be to judge."""
        needs = (need for block in judging.blocks for need in self._late_at(blocks_of(block)))
        return tuple(dict.fromkeys(needs))

    def _late_at(self, way: Sequence[tuple[str, str]]) -> Iterator[str]:
        (_, name), *inside = way
        declared = self.module.calls[name] if inside else self.module.completions[name]
        needs = self.expansion_deps(declared)
        if needs:
            yield self.address(declared)
        elif inside:
            for scope in self.children(name):
                yield from scope._late_at(inside)  # noqa: SLF001

    def _has_keys(self, declared: Declared, refs: Iterable[Ref]) -> bool:
        """Whether the instances of a block are known while the answers that it names are not."""
        self._ensure_named(refs, set())
        try:
            self._pairs(declared)
        except NotKnown:
            return False
        return True

    def _ensure_named(self, refs: Iterable[Ref], seen: set[str]) -> None:
        for ref in refs:
            match ref:
                case ("completion", str(name), *_):
                    self.ensure(self.module.completions[name])
                case ("data", str(kind), str(name), *_):
                    self.ensure(self.module.data[f"{kind}.{name}"])
                case ("local", str(name), *_) if name not in seen:
                    seen.add(name)
                    self._ensure_named(self.module.locals[name].refs, seen)
                case _:
                    pass

    def deps(self, refs: Iterable[Ref], names: Names | None = None) -> tuple[str, ...]:
        """The addresses whose answers the references need: completions, data sources, or the
        block of all instances of one.
        """
        found: dict[str, None] = {}
        for ref in refs:
            for address in self._deps_of(ref, names or self.names):
                found[address] = None
        return tuple(found)

    def order(self, declared: Declared, names: Names | None = None) -> tuple[str, ...]:
        """The addresses that a block's depends_on names. That of a module's call, or of one
        instance of it, stands for all that is `inside`.
        """
        refs = (ref for ref, _ in declared.depends_on)
        return tuple(dict.fromkeys(one for ref in refs for one in self.before(ref, names)))

    def before(self, ref: Ref, names: Names | None = None) -> Sequence[str]:
        """What one name in depends_on means."""
        if ref[0] != "module":
            return self._deps_of(ref, names or self.names)
        declared = self.module.calls[str(ref[1])]
        address = self.address(declared)
        self.ensure(declared)
        if len(ref) == 2 or (declared.repeated and address not in self.session.keys):
            return (address,)
        return (with_key(address, _known_key(ref[2], names or self.names, declared)),)

    def inside(self, name: str, address: str) -> Iterator[str]:
        """The blocks in a module's call, or in the one instance of it at the address."""
        call = self.address(self.module.calls[name])
        for scope in self.children(name):
            if address in (call, scope.prefix.removesuffix(".")):
                for block in scope.module.declared:
                    scope.ensure(block)
                    yield scope.address(block)

    def _deps_of(self, ref: Ref, names: Names) -> Sequence[str]:
        match ref[0]:
            case "completion":
                return (self._target(self.module.completions[str(ref[1])], ref, 2, names),)
            case "data":
                return (self._target(self.module.data[f"{ref[1]}.{ref[2]}"], ref, 3, names),)
            case "local":
                value = self.module.locals[str(ref[1])]
                return self._named_deps("local", str(ref[1]), value.refs)
            case "var" if self.call is not None:
                node = self.call.declared.params.get(str(ref[1]))
                refs = () if node is None else refs_of([node])
                return self._named_deps("var", str(ref[1]), refs, self.call)
            case "module":
                return self._module_deps(ref, names)
            case "each" if ref[1:2] != ("key",):
                each = names.get("each")
                return (each.address,) if isinstance(each, EachLater) else ()
            case "matrix":
                return _on_axis(names.get("matrix"), ref)
            case "self":
                judged = names.get("self")
                return (judged.address,) if isinstance(judged, JudgedAnswer) else ()
            case _:
                return ()

    def _named_deps(
        self, kind: str, name: str, refs: tuple[Ref, ...], call: Instance | None = None
    ) -> tuple[str, ...]:
        """What a value needs; `call` is where it was written, if not in this module."""
        held = (kind, name)
        if held not in self._deps:
            self._deps[held] = ()  # a value that names itself is told when it is evaluated
            self._deps[held] = call.scope.deps(refs, call.names()) if call else self.deps(refs)
        return self._deps[held]

    def _target(self, declared: Declared, ref: Ref, at: int, names: Names) -> str:
        address = self.address(declared)
        if not declared.repeated or len(ref) <= at or ref[at] is None:
            return address
        self.ensure(declared)
        if address not in self.session.keys:
            return address
        key = _known_key(ref[at], names, declared)
        one = with_key(address, key) if key is not None else address
        return one if key in self.session.keys[address] else address

    def _module_deps(self, ref: Ref, names: Names) -> Sequence[str]:
        declared = self.module.calls[str(ref[1])]
        address = self.address(declared)
        self.ensure(declared)
        if declared.repeated and address not in self.session.keys:
            return (address,)
        at = 3 if declared.repeated else 2
        key = _known_key(ref[2], names, declared) if declared.repeated and len(ref) > 2 else None
        one = None if key is None else self.session.scopes.get(f"{with_key(address, key)}.")
        scopes = self.children(declared.name) if one is None else [one]
        output = ref[at] if len(ref) > at else None
        found: dict[str, None] = {}
        for scope in scopes:
            for name, value in scope.module.outputs.items():
                if output in (None, name):
                    deps = scope._named_deps("output", name, value.refs)  # noqa: SLF001
                    found.update(dict.fromkeys(deps))
        return tuple(found)


def blocks_at(session: Session, address: str) -> Iterator[str]:
    """The completions and data sources that an address of `Scope.order` stands for; NotKnown while
    it is not known which there are.
    """
    kind, name = blocks_of(address)[-1]
    if kind != "module":
        yield address
        return
    for inner in session.scopes[module_of(address)].inside(name, address):
        yield from blocks_at(session, inner)


def _of_each(scopes: Iterable[Scope], declared: Declared) -> Any:
    """The outputs of each instance of a module call."""
    held = {str(scope.call.key): scope.outputs for scope in scopes if scope.call is not None}
    if declared.axes:
        return ByCell(held, declared.axes)
    return held if declared.has_keys else list(held.values())


def _way(source: str, target: str) -> str:
    """A folder as seen from another, since that is how the paths of a module's files are read."""
    return posixpath.relpath(f"/{target.lstrip('/')}", f"/{source.lstrip('/')}")


def _on_axis(cell: Any, ref: Ref) -> tuple[str, ...]:
    """The answers that a name of the matrix needs; a computed one may be any."""
    if not isinstance(cell, MatrixCell):
        return ()
    if len(ref) == 1 or not isinstance(ref[1], str):
        return cell.needs()
    return cell.needs(ref[1])


def _known_key(part: Any, names: Names, declared: Declared) -> Key | None:
    """The key of an instance of a block as far as no answer is needed to say it."""
    if isinstance(part, tuple):
        if part[0] not in {"each", "count", "matrix", "var", "local"}:
            return None
        try:
            part = follow(names, part)
        except (TemplateError, NotKnown):
            return None
    if isinstance(part, MatrixCell):
        return part.key_on(declared.axes)
    return part if isinstance(part, str | int) and not isinstance(part, bool) else None
