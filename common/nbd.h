/* SPDX-License-Identifier: ISC */
/* The numbers of NBD's protocol (doc/proto.md of NetworkBlockDevice/nbd, whose names these are); all are big-endian. */
#ifndef COMMON_NBD_H
#define COMMON_NBD_H

#include <stddef.h>

/* Negotiation, fixed newstyle. */
#define NBD_MAGIC 0x4e42444d41474943ULL	      /* "NBDMAGIC" */
#define NBD_OPTION_MAGIC 0x49484156454f5054ULL /* "IHAVEOPT" */
#define NBD_REPLY_MAGIC 0x0003e889045565a9ULL
#define NBD_HELLO_LEN 18
#define NBD_OPTION_LEN 16 /* magic, option, length; the client's first has its flags before */
#define NBD_OPTION_REPLY_LEN 20
#define NBD_FIXED_NEWSTYLE 1 /* both sides' flags */
#define NBD_NO_ZEROES 2
#define NBD_OPTION_MAX 8192 /* bytes of an option or its reply; names are at most 4096 */
#define NBD_NAME_MAX 4096

enum nbd_option {
	NBD_OPT_EXPORT_NAME = 1,
	NBD_OPT_ABORT = 2,
	NBD_OPT_LIST = 3,
	NBD_OPT_STARTTLS = 5,
	NBD_OPT_INFO = 6,
	NBD_OPT_GO = 7,
	NBD_OPT_STRUCTURED_REPLY = 8,
	NBD_OPT_LIST_META_CONTEXT = 9,
	NBD_OPT_SET_META_CONTEXT = 10,
};

#define NBD_REP_ACK 1U
#define NBD_REP_SERVER 2U
#define NBD_REP_INFO 3U
#define NBD_REP_META_CONTEXT 4U
#define NBD_REP_ERROR (1U << 31)
#define NBD_REP_ERR_UNSUP (NBD_REP_ERROR | 1)
#define NBD_REP_ERR_POLICY (NBD_REP_ERROR | 2)
#define NBD_REP_ERR_INVALID (NBD_REP_ERROR | 3)
#define NBD_REP_ERR_TLS_REQD (NBD_REP_ERROR | 5)
#define NBD_REP_ERR_UNKNOWN (NBD_REP_ERROR | 6)
#define NBD_REP_ERR_SHUTDOWN (NBD_REP_ERROR | 7)
#define NBD_REP_ERR_TOO_BIG (NBD_REP_ERROR | 9)

#define NBD_INFO_EXPORT 0
#define NBD_INFO_BLOCK_SIZE 3

/* Transmission flags: what an export can do. */
#define NBD_FLAG_HAS_FLAGS (1U << 0)
#define NBD_FLAG_READ_ONLY (1U << 1)
#define NBD_FLAG_SEND_FLUSH (1U << 2)
#define NBD_FLAG_SEND_FUA (1U << 3)
#define NBD_FLAG_SEND_TRIM (1U << 5)
#define NBD_FLAG_SEND_WRITE_ZEROES (1U << 6)
#define NBD_FLAG_SEND_DF (1U << 7)
#define NBD_FLAG_CAN_MULTI_CONN (1U << 8)

/* Transmission. */
#define NBD_REQUEST_MAGIC 0x25609513U
#define NBD_REQUEST_LEN 28 /* magic, flags, command, cookie, offset, length */
#define NBD_SIMPLE_MAGIC 0x67446698U
#define NBD_SIMPLE_LEN 16 /* magic, error, cookie */
#define NBD_CHUNK_MAGIC 0x668e33efU
#define NBD_CHUNK_LEN 20 /* magic, flags, type, cookie, length */
#define NBD_PAYLOAD_MAX (32 << 20) /* bytes of a read or write where nothing else was agreed */

enum nbd_command {
	NBD_CMD_READ = 0,
	NBD_CMD_WRITE = 1,
	NBD_CMD_DISC = 2,
	NBD_CMD_FLUSH = 3,
	NBD_CMD_TRIM = 4,
	NBD_CMD_WRITE_ZEROES = 6,
	NBD_CMD_BLOCK_STATUS = 7,
};

#define NBD_CMD_FLAG_FUA (1U << 0)
#define NBD_CMD_FLAG_NO_HOLE (1U << 1)
#define NBD_CMD_FLAG_DF (1U << 2)
#define NBD_CMD_FLAG_REQ_ONE (1U << 3)

#define NBD_CHUNK_DONE 1U
#define NBD_CHUNK_NONE 0
#define NBD_CHUNK_OFFSET_DATA 1
#define NBD_CHUNK_OFFSET_HOLE 2
#define NBD_CHUNK_BLOCK_STATUS 5
#define NBD_CHUNK_ERROR 0x8001

#define NBD_STATE_HOLE 1U /* of base:allocation */
#define NBD_STATE_ZERO 2U

/* Errors have numbers of their own, which are Linux's; others become the nearest. */
#define NBD_EPERM 1
#define NBD_EIO 5
#define NBD_ENOMEM 12
#define NBD_EINVAL 22
#define NBD_ENOSPC 28
#define NBD_EOVERFLOW 75
#define NBD_ENOTSUP 95
#define NBD_ESHUTDOWN 108

/* A name as a wire or an URI has it, %XX for what they cannot hold, decoded into out. False: not so, a NUL, or too long. */
_Bool nbd_name(const char *encoded, char *out, size_t size);

#endif
