"""Completion in bash, zsh and fish: what a shell runs at each Tab, and what it is answered.

The shells ask by the environment variable that Click has for it. The scripts are our own: those of
Click lose a value that is written behind a ``=``, or what stands before it, cut descriptions at a
comma, and show errors in the middle of a command line.

The protocol: the words of the command line come in ``COMP_WORDS``, one a line, and the index of the
one that is completed in ``COMP_CWORD``. Each line of the answer is a kind, a value and a
description, separated by tabs. The kinds are ``plain``, ``file`` and ``dir``: about files the shell
knows more.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import asyncclick as click
from asyncclick.shell_completion import (
    CompletionItem,
    ShellComplete,
    add_completion_class,
    split_arg_string,
)

from ._options import Choice
from ._output import write_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, ClassVar, TypeAlias

    Completer: TypeAlias = Callable[
        [click.Context, click.Parameter, str], "list[CompletionItem[Any]]"
    ]

__all__ = ["VARIABLE", "completion_option", "files", "values"]

VARIABLE = "_SCENARIO_ASYNC_COMPLETE"
"""The environment variable by which a shell asks."""

# `nosort` came with bash 4.4, and `compopt` with 4.0: macOS has an older one.
_BASH = """\
%(complete_func)s() {
    local kind value
    COMPREPLY=()
    while IFS=$'\\t' read -r kind value _; do
        case $kind in
            plain) COMPREPLY+=("$value") ;;
            file) compopt -o default 2>/dev/null ;;
            dir) compopt -o dirnames 2>/dev/null ;;
        esac
    done < <(
        IFS=$'\\n'
        env %(complete_var)s=bash_complete COMP_WORDS="${COMP_WORDS[*]}" \\
            COMP_CWORD="$COMP_CWORD" "${1/#\\~/$HOME}" 2>/dev/null
    )
}
complete -o nosort -F %(complete_func)s %(prog_name)s 2>/dev/null ||
    complete -o default -F %(complete_func)s %(prog_name)s
"""

_ZSH = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local -a described plain asked=("${(@Q)words}")
    local kind value description program=${(Q)~words[1]}
    compset -P '--*='
    while IFS=$'\\t' read -r kind value description; do
        case $kind in
            plain)
                if [[ -n $description ]]; then
                    described+=("${value//:/\\\\:}:$description")
                else
                    plain+=("$value")
                fi
                ;;
            file) _files ;;
            dir) _files -/ ;;
        esac
    done < <(COMP_WORDS="${(F)asked}" COMP_CWORD=$((CURRENT - 1)) \\
        %(complete_var)s=zsh_complete $program 2>/dev/null)
    (( $#described )) && _describe -V 'completions' described
    (( $#plain )) && compadd -V completions -a plain
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""

_FISH = """\
function %(complete_func)s
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l asked (string join \\n -- $words "$current" | string collect)
    for line in (env COMP_WORDS="$asked" COMP_CWORD=(count $words) \\
            %(complete_var)s=fish_complete $words[1] 2>/dev/null)
        set -l parts (string split --max 2 \\t -- $line)
        switch $parts[1]
            case plain
                printf '%%s\\t%%s\\n' $parts[2] $parts[3]
            case file
                __fish_complete_path "$current"
            case dir
                __fish_complete_directories "$current"
        end
    end
end

complete --no-files --keep-order --command %(prog_name)s --arguments '(%(complete_func)s)'
"""


class _Shell(ShellComplete):
    """A shell that tells whole words."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the one that is completed, and that one."""
        words = os.environ.get("COMP_WORDS", "").split("\n")
        current = int(os.environ.get("COMP_CWORD", "0"))
        return words[1:current], "".join(words[current : current + 1])

    def format_completion(self, item: CompletionItem[str]) -> str:
        """A line of the answer."""
        return f"{item.type}\t{item.value}\t{' '.join((item.help or '').split())}"


class _Bash(_Shell):
    """Bash, which tells words as they are written, and takes a ``=`` for one of its own."""

    name: ClassVar[str] = "bash"
    source_template: ClassVar[str] = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words as the command would get them."""
        written, current = super().get_completion_args()
        words: list[str] = []
        joined = False
        for word in map(_without_quotes, written):
            if joined:
                words[-1] += f"={word}"
            elif word != "=":
                words.append(word)
            joined = word == "=" and not joined
        return words, _without_quotes(current)


class _Zsh(_Shell):
    """Zsh."""

    name: ClassVar[str] = "zsh"
    source_template: ClassVar[str] = _ZSH


class _Fish(_Shell):
    """Fish, where a completion stands for all of its word."""

    name: ClassVar[str] = "fish"
    source_template: ClassVar[str] = _FISH

    async def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """What the word can become."""
        items = await super().get_completions(args, incomplete)
        if not (incomplete.startswith("--") and "=" in incomplete):
            return items
        option = incomplete.partition("=")[0]
        return [
            CompletionItem(f"{option}={item.value}", type=item.type, help=item.help)
            for item in items
        ]


def _without_quotes(word: str) -> str:
    return " ".join(split_arg_string(word))


_SHELLS = {shell.name: add_completion_class(shell) for shell in (_Bash, _Zsh, _Fish)}


async def _write_script(ctx: click.Context, _: click.Parameter, shell: str | None) -> None:
    if shell is None or ctx.resilient_parsing:
        return
    name = ctx.find_root().info_name or ""
    await write_out(_SHELLS[shell](ctx.command, {}, name, VARIABLE).source().encode())
    raise click.exceptions.Exit(0)


completion_option = click.option(
    "--completion",
    type=Choice(_SHELLS),
    is_eager=True,
    expose_value=False,
    callback=_write_script,
    help="Write what makes a shell complete this command, and exit.",
)
"""Declares ``--completion`` on the command as a whole."""


def files(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Complete a path, as the ``shell_complete`` of a parameter."""
    return [CompletionItem(incomplete, type="file")]


def values(known: Iterable[str]) -> Completer:
    """What completes one of these values, as the ``shell_complete`` of a parameter."""
    names = tuple(known)

    def complete(
        _: click.Context, __: click.Parameter, incomplete: str
    ) -> list[CompletionItem[str]]:
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]

    return complete
