"""Objects too large for one request: multipart uploads and copies (S3 User Guide, "Multipart upload")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

_MOST_PARTS = 10_000
_METADATA = (
    "CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "Metadata",
)  # fmt: skip


@dataclass(slots=True)
class Multipart:
    """One multipart upload; aborted when the `with` block fails, so that no part is paid for ever."""

    client: Any
    target: Mapping[str, str]
    conditions: Mapping[str, str]
    metadata: dict[str, Any] = field(default_factory=dict)
    parts: list[dict[str, Any]] = field(default_factory=list)
    upload: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> Self:
        answer = self.client.create_multipart_upload(**self.target, **self.metadata)
        self.upload = {"Bucket": self.target["Bucket"], "Key": self.target["Key"], "UploadId": answer["UploadId"]}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):
            self.client.abort_multipart_upload(**self.upload)

    def add(self, answer: Mapping[str, Any]) -> None:
        """Note a part that S3 has."""
        checksums = {name: value for name, value in answer.items() if name.startswith("Checksum")}
        self.parts.append({"PartNumber": self.next_number, "ETag": answer["ETag"], **checksums})

    @property
    def next_number(self) -> int:
        """Parts count from 1."""
        return len(self.parts) + 1

    def complete(self) -> dict[str, Any]:
        """Make the object of its parts, under the upload's conditions."""
        answer: dict[str, Any] = self.client.complete_multipart_upload(
            **self.upload, **self.conditions, MultipartUpload={"Parts": self.parts}
        )
        return answer


def uploaded(upload: Multipart, first: bytes, rest: Iterator[bytes]) -> dict[str, Any]:
    """Upload blocks of equal size, the last one shorter; the answer to CompleteMultipartUpload."""
    with upload:
        block: bytes | None = first
        while block is not None:
            upload.add(upload.client.upload_part(**upload.upload, PartNumber=upload.next_number, Body=block))
            block = next(rest, None)
        return upload.complete()


def copied(
    upload: Multipart, head: Mapping[str, Any], origin: Mapping[str, Any], size: int, part_size: int
) -> dict[str, Any]:
    """Copy `size` bytes of the object at `head` inside S3, with its metadata; the answer to the completion."""
    upload.metadata = {name: head[name] for name in _METADATA if name in head}
    if "ChecksumCRC64NVME" in head:  # S3's own default: of the whole object, so that the copy can be compared
        upload.metadata |= {"ChecksumAlgorithm": "CRC64NVME", "ChecksumType": "FULL_OBJECT"}
    step = max(part_size, -(-size // _MOST_PARTS))
    with upload:
        for start in range(0, size, step):
            answer = upload.client.upload_part_copy(
                **upload.upload,
                **origin,
                PartNumber=upload.next_number,
                CopySourceRange=f"bytes={start}-{min(start + step, size) - 1}",
            )
            upload.add(answer["CopyPartResult"])
        return upload.complete()
