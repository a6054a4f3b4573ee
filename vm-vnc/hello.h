/* SPDX-License-Identifier: ISC */
/* The start of RFB (RFC 6143, 7.1; VeNCrypt 0.2; SASL as QEMU has it): its version, then who the viewer is. */
#ifndef VM_VNC_HELLO_H
#define VM_VNC_HELLO_H

#include "vm-vnc/policy.h"
#include "vm-vnc/stream.h"

#define HELLO_NAME_MAX 127     /* bytes of a user's name */
#define HELLO_PASSWORD_MAX 255 /* and of his password */
#define HELLO_SASL_MAX 4096    /* of what a client says in one step of SASL */
#define HELLO_TYPING 120       /* seconds for one who types a password */

/* Security types and VeNCrypt's own, which are as numbers kept apart. */
enum security {
	SECURITY_NONE = 1,
	SECURITY_VNC = 2,
	SECURITY_VENCRYPT = 19,
	SECURITY_SASL = 20,
	VENCRYPT_PLAIN = 256,
	VENCRYPT_TLS_NONE = 257,
	VENCRYPT_TLS_VNC,
	VENCRYPT_TLS_PLAIN,
	VENCRYPT_X509_NONE,
	VENCRYPT_X509_VNC,
	VENCRYPT_X509_PLAIN,
	VENCRYPT_TLS_SASL,
	VENCRYPT_X509_SASL,
};

struct hello {
	struct stream *s;
	const struct policy *f;
	int clerk;	      /* who is asked; see ask.h */
	bool local;	      /* the viewer is on this host */
	unsigned minor;	      /* of the version: 3, 7 or 8 */
	enum security chosen; /* the security type, VeNCrypt's own if it is that */
	const char *proof;    /* "none", "password", ... */
	const char *why;      /* it came to nothing */
};

/* All of it, SecurityResult included, on a stream that blocks: true when the viewer is in. */
bool hello_run(struct hello *h);

/* The parts. False: it came to nothing, or h->why was set and the viewer is to be told so. */
bool hello_vencrypt(struct hello *h); /* vencrypt.c: and all that follows, SecurityResult excluded */
bool hello_prove(struct hello *h, enum security method); /* SECURITY_NONE, _VNC, _SASL, VENCRYPT_PLAIN */
bool hello_sasl(struct hello *h); /* hello_sasl.c */

/* One of VeNCrypt's with a certificate. */
bool hello_is_x509(enum security type);

/* Which of these ways of proof there are now, at most 4; their number. */
size_t hello_methods(const struct hello *h, enum security methods[4]);

/* The certificate that the viewer has shown, if one is demanded, is one of those that are let in. */
bool hello_certificate(struct hello *h);

/* Seconds until a viewer's process ends, from now. */
void hello_deadline(unsigned seconds);

#endif
