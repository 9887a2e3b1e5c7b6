#include "gitwatch/fetch_auth.h"

#include "gitwatch/frame.h"
#include "gitwatch/host_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECRET_LIMIT = 65536 };

static int refuse_file(struct error *err, const char *path, const char *why)
{
    return error_set(err, ERROR_DENIED, -EACCES, "the repository's credential file %s %s", path,
                     why);
}

/* Credentials of the service manager are 0400 and owned by the service's user. */
static const char *file_problem(const struct stat *found)
{
    if (!S_ISREG(found->st_mode))
        return "is no regular file";
    if ((found->st_mode & (S_IRWXO | S_IWGRP)) != 0)
        return "can be read by everybody or written by its group: chmod 0600";
    if (found->st_size == 0)
        return "is empty";
    if (found->st_size > SECRET_LIMIT)
        return "is larger than 64 KiB";
    return NULL;
}

static int read_file(const char *path, char **ret_bytes, size_t *ret_length, struct error *err)
{
    struct stat found;
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return refuse_file(err, path, errno == ENOENT ? "is missing" : "cannot be opened");
    const char *problem = fstat(fd, &found) < 0 ? "cannot be looked at" : file_problem(&found);
    char *bytes = problem != NULL ? NULL : malloc(SECRET_LIMIT + 1);
    size_t length = 0;
    ssize_t got = 1;
    while (bytes != NULL && got > 0 && length < SECRET_LIMIT) {
        got = read(fd, bytes + length, SECRET_LIMIT - length);
        length += got > 0 ? (size_t)got : 0;
    }
    close(fd);
    if (problem != NULL)
        return refuse_file(err, path, problem);
    if (bytes == NULL)
        return error_no_memory(err);
    if (got < 0 || length == 0 || memchr(bytes, '\0', length) != NULL) {
        frame_wipe(bytes, SECRET_LIMIT + 1);
        return refuse_file(err, path, "cannot be read, or holds a NUL");
    }
    bytes[length] = '\0';
    *ret_bytes = bytes;
    *ret_length = length;
    return 0;
}

static int read_secret(const char *given, const char *path, bool is_line, char **ret_bytes,
                       size_t *ret_length, struct error *err)
{
    if (given != NULL) {
        *ret_length = strlen(given);
        *ret_bytes = strdup(given);
        return *ret_bytes == NULL ? error_no_memory(err) : 0;
    }
    const int status = read_file(path, ret_bytes, ret_length, err);
    if (status == 0 && is_line && (*ret_bytes)[*ret_length - 1] == '\n')
        (*ret_bytes)[--*ret_length] = '\0';
    return status;
}

int fetch_auth_init(struct fetch_auth *auth, const struct fetch_request *request,
                    const struct remote_url *url, struct error *err)
{
    *auth = (struct fetch_auth){.request = request, .url = *url};
    if (request->credential == FETCH_CREDENTIAL_NONE)
        return 0;
    int status = read_secret(request->secret, request->secret_file,
                             request->credential == FETCH_CREDENTIAL_PASSWORD, &auth->secret,
                             &auth->secret_length, err);
    if (status == 0 && (request->passphrase != NULL || request->passphrase_file != NULL))
        status = read_secret(request->passphrase, request->passphrase_file, true, &auth->passphrase,
                             &auth->passphrase_length, err);
    if (status < 0)
        fetch_auth_fini(auth);
    return status;
}

void fetch_auth_fini(struct fetch_auth *auth)
{
    frame_wipe(auth->secret, auth->secret_length);
    frame_wipe(auth->passphrase, auth->passphrase_length);
    auth->secret = auth->passphrase = NULL;
}

static int stop(struct fetch_auth *auth, enum fetch_reason reason, const char *text)
{
    auth->reason = reason;
    (void)error_set(&auth->error, ERROR_DENIED, -EACCES, "%s", text);
    return GIT_EUSER;
}

int fetch_auth_credential(git_credential **ret_credential, const char *url, const char *user,
                          unsigned int allowed, struct fetch_auth *auth)
{
    const struct fetch_request *request = auth->request;
    struct remote_url asked;
    if (remote_url_parse(url, &asked, NULL) < 0 || !remote_url_same_origin(&auth->url, &asked))
        return stop(auth, FETCH_REDIRECT,
                    "another server than the configured one asked for the credential; it was not "
                    "given");
    const char *name = request->username != NULL   ? request->username
                       : user != NULL              ? user
                       : auth->url.user[0] != '\0' ? auth->url.user
                                                   : "git";
    /* Asked only when the address names no user; no credential yet, so it does not count. */
    if ((allowed & GIT_CREDENTIAL_USERNAME) != 0 && request->credential == FETCH_CREDENTIAL_SSH_KEY)
        return git_credential_username_new(ret_credential, name);
    if (request->credential == FETCH_CREDENTIAL_NONE)
        return stop(auth, FETCH_DENIED,
                    "the repository asks for a credential and none is configured");
    /* libgit2 asks again after each refusal, without end. */
    if (auth->shown)
        return stop(auth, FETCH_DENIED,
                    request->credential == FETCH_CREDENTIAL_SSH_KEY
                        ? "the repository refused the configured credential (current SSH servers "
                          "refuse RSA keys from this library: use an ed25519 or ecdsa key)"
                        : "the repository refused the configured credential");
    auth->shown = true;
    if (request->credential == FETCH_CREDENTIAL_PASSWORD &&
        (allowed & GIT_CREDENTIAL_USERPASS_PLAINTEXT) != 0)
        return git_credential_userpass_plaintext_new(ret_credential, name, auth->secret);
    if (request->credential == FETCH_CREDENTIAL_SSH_KEY &&
        (allowed & GIT_CREDENTIAL_SSH_MEMORY) != 0)
        return git_credential_ssh_key_memory_new(ret_credential, name, NULL, auth->secret,
                                                 auth->passphrase);
    return stop(auth, FETCH_DENIED, "the repository accepts no credential of the configured kind");
}

static int check_host_key(const git_cert_hostkey *key, struct fetch_auth *auth)
{
    char shown[HOST_KEY_SIZE] = "a key without a SHA-256 fingerprint";
    if ((key->type & GIT_CERT_SSH_SHA256) != 0) {
        host_key_format(key->hash_sha256, shown);
        for (size_t i = 0; i < auth->request->host_key_count; i++)
            if (strcmp(auth->request->host_keys[i], shown) == 0)
                return 0;
    }
    auth->reason = FETCH_HOST_KEY;
    (void)error_set(&auth->error, ERROR_DENIED, -EACCES,
                    "the server %s shows the host key %s, which is none of the %zu pinned ones; "
                    "celld stays away until the key is pinned or the server is the right one again",
                    auth->url.host, shown, auth->request->host_key_count);
    return GIT_EUSER;
}

int fetch_auth_certificate(git_cert *certificate, int valid, struct fetch_auth *auth)
{
    if (certificate->cert_type == GIT_CERT_HOSTKEY_LIBSSH2)
        return check_host_key((const git_cert_hostkey *)(const void *)certificate, auth);
    if (valid)
        return 0;
    auth->reason = FETCH_CERTIFICATE;
    (void)error_set(&auth->error, ERROR_DENIED, -EACCES,
                    "the TLS certificate of %s is not signed by a trusted authority, expired, or "
                    "for another name; a private authority's certificate can be configured",
                    auth->url.host);
    return GIT_EUSER;
}
