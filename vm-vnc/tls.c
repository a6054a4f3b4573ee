/* SPDX-License-Identifier: ISC */
/* TLS; the contracts are in tls.h. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "common/diag.h"
#include "vm-vnc/secret_file.h"
#include "vm-vnc/tls.h"

/* Without what RFC 8996 ended. Anonymous key exchange is none of TLS 1.3's. */
#define PRIORITY_X509 "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
#define PRIORITY_ANONYMOUS "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ANON-ECDH:+ANON-DH"
#define PEM_MAX (1U << 20)

static void
check(const char *word, const char *file, int err)
{
	if (err < 0)
		die("%s=%s: %s", word, file, gnutls_strerror(err));
}

static gnutls_datum_t
read_pem(const char *word, const char *file)
{
	gnutls_datum_t d = {.data = NULL};
	size_t len;

	d.data = (unsigned char *)secret_file_read(word, file, PEM_MAX, &len);
	d.size = (unsigned)len;
	return d;
}

static void
drop(gnutls_datum_t *d)
{
	secret_file_wipe((char *)d->data, d->size);
}

static void
add_key(struct tls *t, const struct tls_files *f)
{
	gnutls_datum_t cert = read_pem("cert", f->cert), key = read_pem("key", f->key);
	int err = gnutls_certificate_set_x509_key_mem2(t->x509, &cert, &key, GNUTLS_X509_FMT_PEM, NULL, 0);

	if (err == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
		die("key=%s: not the key of %s", f->key, f->cert);
	check("cert", f->cert, err);
	drop(&cert);
	drop(&key);
}

/* Whose certificates are believed: viewers have to show one then. */
static void
add_ca(struct tls *t, const struct tls_files *f)
{
	gnutls_datum_t pem = read_pem("ca", f->ca);
	int n = gnutls_certificate_set_x509_trust_mem(t->x509, &pem, GNUTLS_X509_FMT_PEM);

	check("ca", f->ca, n);
	if (!n)
		die("ca=%s: no certificate in it", f->ca);
	drop(&pem);
	t->demand = true;
	if (!f->crl)
		return;
	pem = read_pem("crl", f->crl);
	check("crl", f->crl, gnutls_certificate_set_x509_crl_mem(t->x509, &pem, GNUTLS_X509_FMT_PEM));
	drop(&pem);
}

void
tls_prepare(struct tls *t, const struct tls_files *f)
{
	*t = (struct tls){.demand = false};
	if (!f->cert != !f->key)
		die_usage("-O cert=FILE and -O key=FILE: both or neither");
	if (f->ca && !f->cert)
		die_usage("-O ca=%s: without -O cert=FILE no viewer can be asked for a certificate", f->ca);
	if (f->crl && !f->ca)
		die_usage("-O crl=%s: without -O ca=FILE there is nobody's to be revoked", f->crl);
	if (f->cert) {
		if (gnutls_certificate_allocate_credentials(&t->x509) < 0)
			die("TLS: out of memory");
		add_key(t, f);
	}
	if (f->ca)
		add_ca(t, f);
	if (f->anonymous) {
		if (gnutls_anon_allocate_server_credentials(&t->anonymous) < 0)
			die("TLS: out of memory");
		gnutls_anon_set_server_known_dh_params(t->anonymous, GNUTLS_SEC_PARAM_MEDIUM);
	}
}

static int
set_up(const struct tls *t, bool anonymous, int fd, gnutls_session_t s)
{
	int err = gnutls_priority_set_direct(s, anonymous ? PRIORITY_ANONYMOUS : PRIORITY_X509, NULL);

	if (err < 0)
		return err;
	if (anonymous)
		err = gnutls_credentials_set(s, GNUTLS_CRD_ANON, t->anonymous);
	else
		err = gnutls_credentials_set(s, GNUTLS_CRD_CERTIFICATE, t->x509);
	if (err < 0)
		return err;
	if (!anonymous && t->demand)
		gnutls_certificate_server_set_request(s, GNUTLS_CERT_REQUIRE);
	gnutls_transport_set_int(s, fd);
	/* Deadlines are those of the whole meeting. */
	gnutls_handshake_set_timeout(s, GNUTLS_INDEFINITE_TIMEOUT);
	return 0;
}

/* The viewer's chain, up to one of ours. */
static int
verify(gnutls_session_t s)
{
	unsigned status = 0;
	int err = gnutls_certificate_verify_peers3(s, NULL, &status);

	if (err < 0)
		return err;
	return status ? GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR : 0;
}

gnutls_session_t
tls_accept(const struct tls *t, bool anonymous, int fd, const char **why)
{
	gnutls_session_t s;
	int err = gnutls_init(&s, GNUTLS_SERVER | GNUTLS_NO_SIGNAL);

	if (err < 0) {
		*why = gnutls_strerror(err);
		return NULL;
	}
	err = set_up(t, anonymous, fd, s);
	while (err >= 0) {
		err = gnutls_handshake(s);
		if (err == 0 || gnutls_error_is_fatal(err))
			break;
		err = 0; /* an alert that is only a warning, or a call that was interrupted */
	}
	if (!err && !anonymous && t->demand)
		err = verify(s);
	if (!err)
		return s;
	gnutls_alert_send_appropriate(s, err);
	*why = gnutls_strerror(err);
	gnutls_deinit(s);
	return NULL;
}

struct names_out {
	char *at, *end;
};

/* KIND:NAME, unless it is too long, or is something other than what it looks like. */
static void
put(struct names_out *out, const char *kind, const char *name, size_t len)
{
	size_t room = (size_t)(out->end - out->at), need = strlen(kind) + 1 + len + 1;

	if (!len || memchr(name, '\0', len) || need > room)
		return;
	out->at += snprintf(out->at, room, "%s:%.*s", kind, (int)len, name) + 1;
}

static void
put_alternatives(struct names_out *out, gnutls_x509_crt_t crt)
{
	char name[512], text[INET6_ADDRSTRLEN];

	for (unsigned i = 0;; i++) {
		size_t len = sizeof(name);
		int type = gnutls_x509_crt_get_subject_alt_name(crt, i, name, &len, NULL);

		if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			return;
		if (type == GNUTLS_SAN_DNSNAME)
			put(out, "dns", name, len);
		else if (type == GNUTLS_SAN_RFC822NAME)
			put(out, "email", name, len);
		else if (type == GNUTLS_SAN_URI)
			put(out, "uri", name, len);
		else if (type == GNUTLS_SAN_IPADDRESS && (len == 4 || len == 16) &&
		    inet_ntop(len == 4 ? AF_INET : AF_INET6, name, text, sizeof(text)))
			put(out, "ip", text, strlen(text));
	}
}

size_t
tls_names(gnutls_session_t s, char names[TLS_NAMES_MAX])
{
	struct names_out out = {names, names + TLS_NAMES_MAX};
	unsigned n = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(s, &n);
	gnutls_x509_crt_t crt;
	char name[1024];
	size_t len = sizeof(name);

	if (!chain || !n || gnutls_x509_crt_init(&crt) < 0)
		return 0;
	if (gnutls_x509_crt_import(crt, chain, GNUTLS_X509_FMT_DER) == 0) {
		if (gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &len) == 0)
			put(&out, "cn", name, len);
		len = sizeof(name);
		if (gnutls_x509_crt_get_dn(crt, name, &len) == 0)
			put(&out, "dn", name, strlen(name));
		put_alternatives(&out, crt);
	}
	gnutls_x509_crt_deinit(crt);
	return (size_t)(out.at - names);
}

void
tls_wipe(struct tls *t)
{
	if (t->x509)
		gnutls_certificate_free_credentials(t->x509);
	if (t->anonymous)
		gnutls_anon_free_server_credentials(t->anonymous);
	*t = (struct tls){.demand = false};
}
