"""``ssa-hub deletions``: what was deleted because agreements demand it, and the proofs of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssa_hub.cli.existing_state import end_with, existing_state
from ssa_hub.cli.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir

if TYPE_CHECKING:
    from ssa_hub.state.deletions import Deletion

deletions = typer.Typer(help="What was deleted because agreements demand it.", no_args_is_help=True)

_PROOF_BYTES_MAX = 1_000_000


@deletions.command("list")
def deletions_list(
    originator: Annotated[str | None, typer.Argument(help="Whose records; left out: everybody's.")] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Every deletion: whose records, how many, under which rule, and whether anything of them is left."""
    with existing_state(data_dir, database_url) as state:
        found = state.deletions.all(originator)
        for deletion in found:
            typer.echo(f"{deletion.number:>6}  {_ended(deletion):<28}  {deletion.records:>9} {deletion.kind} of "
                       f"{deletion.originator}, {deletion.rule}")  # fmt: skip
        if not found:
            typer.echo("nothing was deleted")


@deletions.command("show")
def deletions_show(
    number: Annotated[int, typer.Argument(help="As list says.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """One deletion with all that is known of it."""
    from schemas.timescales import format_utc

    with existing_state(data_dir, database_url) as state:
        deletion = state.deletions.get(number)
        if deletion is None:
            raise end_with(f"there is no deletion {number}")
        places = deletion.places
        typer.echo(f"deletion   {number}: {deletion.records} {deletion.kind} of {deletion.originator}")
        typer.echo(f"rule       {deletion.rule}, agreement {deletion.agreement_version}")
        typer.echo(f"cutoff     received before {format_utc(deletion.cutoff_tai_ns, 0)} UTC")
        typer.echo(f"begun      {format_utc(deletion.began_tai_ns, 0)} UTC")
        typer.echo(f"state      {_ended(deletion)}")
        typer.echo(f"removed    {places.history_rows} rows and {places.history_files} files of history")
        typer.echo(f"           {places.state_rows} rows of the feed, {places.payloads} payloads, {places.blobs} blobs")
        if deletion.merkle_root is not None and deletion.signature is not None:
            typer.echo(f"root       {deletion.merkle_root.hex()}")
            typer.echo(f"signature  {deletion.signature.hex()}")
        else:
            typer.echo(f"waits for  {len(places.waiting_files)} files that readers may still have open")


@deletions.command("prove")
def deletions_prove(
    record_id: Annotated[str, typer.Argument(help="The id of a record.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Write the proof that a record was deleted, JSON, for its originator to verify."""
    import msgspec

    with existing_state(data_dir, database_url) as state:
        proof = state.deletions.prove(record_id)
        if proof is None:
            raise end_with(f"{record_id} is in no finished deletion")
        typer.echo(msgspec.json.format(msgspec.json.encode(proof)).decode())


@deletions.command("verify")
def deletions_verify(
    proof_file: Annotated[
        Path | None, typer.Argument(exists=True, dir_okay=False, help="A proof; left out: the hub's own deletions.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="The hub's public key, hexadecimal, that a proof must have.")] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Verify a proof (needs no hub), or chain, roots and signatures of the hub's deletions."""
    if proof_file is not None:
        _verify_proof(proof_file, key)
        return
    from ssa_hub.state.deletions import WrongDeletionsError

    with existing_state(data_dir, database_url) as state:
        try:
            finished = state.deletions.verify()
        except WrongDeletionsError as error:
            raise end_with(str(error)) from None
        typer.echo(f"{finished} deletions: chain, roots and signatures hold; key {state.deletions.public_key().hex()}")


def _verify_proof(path: Path, key: str | None) -> None:
    import msgspec

    from ssa_hub.release.deletion_proof import DeletionProof, proof_mistake

    if path.stat().st_size > _PROOF_BYTES_MAX:
        raise end_with(f"{path}: larger than any proof")
    try:
        trusted = None if key is None else bytes.fromhex(key)
        proof = msgspec.json.decode(path.read_bytes(), type=DeletionProof)
    except ValueError as error:
        raise end_with(f"{path}: {error}") from None
    mistake = proof_mistake(proof, trusted)
    if mistake is not None:
        raise end_with(f"{path}: does not hold: {mistake}")
    by = f"key {proof.public_key}" if key is None else "the given key"
    typer.echo(f"holds: {proof.record_id} was deleted in deletion {proof.deletion.number}, signed by {by}")


def _ended(deletion: "Deletion") -> str:
    from schemas.timescales import format_utc

    if deletion.finished_tai_ns is None:
        return "running"
    return f"complete {format_utc(deletion.finished_tai_ns, 0)}"
