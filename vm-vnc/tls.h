/* SPDX-License-Identifier: ISC */
/* TLS by GnuTLS: the server's side, with a certificate or with nobody's name. */
#ifndef VM_VNC_TLS_H
#define VM_VNC_TLS_H

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <stddef.h>

struct tls_files {
	const char *cert, *key, *ca, *crl; /* PEM; NULL: not given. The certificates above `cert` may follow it in its file */
	bool anonymous;			   /* offered to viewers: encrypts, but proves nobody */
};

struct tls {
	gnutls_certificate_credentials_t x509;
	gnutls_anon_server_credentials_t anonymous;
	bool demand; /* a certificate of the viewer */
};

#define TLS_NAMES_MAX 4096

/* Reads the files and makes what sessions need. Dies, saying which word is wrong. */
void tls_prepare(struct tls *t, const struct tls_files *files);

/* A handshake on fd, which blocks. NULL, with what the peer did wrong in *why. */
gnutls_session_t tls_accept(const struct tls *t, bool anonymous, int fd, const char **why);

/* After it, where a certificate was demanded: the names that it bears, each of a kind as names.h has them and ended by NUL. Their
 * length; 0: there is none. */
size_t tls_names(gnutls_session_t s, char names[TLS_NAMES_MAX]);

/* Forgets the private key, in this process. */
void tls_wipe(struct tls *t);

#endif
