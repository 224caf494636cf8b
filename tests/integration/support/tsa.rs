//! A time-stamp authority made with openssl: keys, certificates of every kind, tokens.

use super::program;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use tempfile::TempDir;

/// 1.2.840.113549.1.9.16.1.4
const TST_INFO: &str = "1.2.840.113549.1.9.16.1.4";

const CONFIG: &str = "\
[ca]\ndefault_ca=c\n[c]\ndir=.\ndatabase=index\nserial=serial\nnew_certs_dir=.\nunique_subject=no\ndefault_md=sha256\npolicy=p\n\
[p]\ncommonName=supplied\n\
[req]\ndistinguished_name=n\n[n]\n\
[root]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n\
[tsa]\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n\
[not_critical]\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=timeStamping\n\
[not_alone]\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping,serverAuth\n\
[other_uses]\nkeyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=critical,timeStamping\n\
[server]\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=critical,serverAuth\n\
[no_usage]\nbasicConstraints=CA:FALSE\n\
[no_issuer]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,digitalSignature\n\
[ts]\ndefault_tsa=t\n[t]\nserial=tsserial\ncrypto_device=builtin\nsigner_digest=sha256\ndefault_policy=1.2.3.4.1\n\
digests=sha256\naccuracy=secs:1\nordering=no\ntsa_name=yes\ness_cert_id_alg=sha256\nclock_precision_digits=0\n\
[fractions]\nserial=tsserial\ncrypto_device=builtin\nsigner_digest=sha256\ndefault_policy=1.2.3.4.1\n\
digests=sha256\naccuracy=secs:1\nordering=no\ntsa_name=no\ness_cert_id_alg=sha1\nclock_precision_digits=6\n";

/// An authority in a directory of its own.
pub(crate) struct Authority {
    dir: TempDir,
}

impl Authority {
    /// With a root `root` and an authority `tsa`, by keys of that sort: `rsa:2048` or a curve.
    pub(crate) fn new(key: &str) -> Self {
        let authority = Self { dir: tempfile::tempdir().unwrap() };
        for (name, text) in [("cnf", CONFIG), ("index", ""), ("serial", "1000"), ("tsserial", "01")] {
            fs::write(authority.path(name), text).unwrap();
        }
        authority.key("root", key);
        authority.openssl(&[
            "req",
            "-new",
            "-x509",
            "-config",
            "cnf",
            "-extensions",
            "root",
            "-key",
            "root.key",
            "-subj",
            "/CN=Lab root",
            "-days",
            "3650",
            "-out",
            "root.pem",
        ]);
        authority.certificate("tsa", "tsa", "root", key, ("20200101000000Z", "20400101000000Z"));
        authority
    }

    fn key(&self, name: &str, sort: &str) {
        let out = format!("{name}.key");
        match sort.strip_prefix("rsa:") {
            Some(bits) => {
                let bits = format!("rsa_keygen_bits:{bits}");
                self.openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", &bits, "-out", &out]);
            }
            None => {
                let curve = format!("ec_paramgen_curve:{sort}");
                self.openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", &curve, "-out", &out]);
            }
        }
    }

    /// Another certificate `name`, of one of the kinds in `CONFIG`, with a key of its own.
    pub(crate) fn certificate(&self, name: &str, kind: &str, issuer: &str, key: &str, (from, to): (&str, &str)) {
        self.key(name, key);
        let [request, out, secret] = [format!("{name}.csr"), format!("{name}.pem"), format!("{name}.key")];
        let subject = format!("/CN=Lab {name}");
        self.openssl(&["req", "-new", "-config", "cnf", "-key", &secret, "-subj", &subject, "-out", &request]);
        let [by, with] = [format!("{issuer}.pem"), format!("{issuer}.key")];
        self.openssl(&[
            "ca",
            "-batch",
            "-notext",
            "-config",
            "cnf",
            "-extensions",
            kind,
            "-cert",
            &by,
            "-keyfile",
            &with,
            "-startdate",
            from,
            "-enddate",
            to,
            "-in",
            &request,
            "-out",
            &out,
        ]);
    }

    /// Answers a request as `name`; `section` is of `CONFIG`; `chain` is sent along.
    pub(crate) fn reply(&self, query: &[u8], name: &str, section: &str, chain: Option<&str>) -> Vec<u8> {
        // Several may be asked for at once.
        let at = tempfile::tempdir_in(self.dir.path()).unwrap();
        let [asked, answer] = ["q", "r"].map(|file| at.path().join(file).display().to_string());
        fs::write(&asked, query).unwrap();
        let [signer, key] = [format!("{name}.pem"), format!("{name}.key")];
        let mut args = vec![
            "ts",
            "-reply",
            "-config",
            "cnf",
            "-section",
            section,
            "-queryfile",
            &asked,
            "-signer",
            &signer,
            "-inkey",
            &key,
            "-out",
            &answer,
        ];
        let chain = chain.map(|name| format!("{name}.pem"));
        args.extend(chain.iter().flat_map(|chain| ["-chain", chain.as_str()]));
        self.openssl(&args);
        fs::read(answer).unwrap()
    }

    /// What openssl's own authority will not do: signs the content of a token anew by any certificate.
    pub(crate) fn signed_anew(&self, response: &[u8], name: &str) -> Vec<u8> {
        fs::write(self.path("given.tsr"), response).unwrap();
        self.openssl(&["ts", "-reply", "-in", "given.tsr", "-token_out", "-out", "given.tst"]);
        self.openssl(&["cms", "-verify", "-noverify", "-inform", "DER", "-in", "given.tst", "-out", "content"]);
        let [signer, key] = [format!("{name}.pem"), format!("{name}.key")];
        self.openssl(&[
            "cms",
            "-sign",
            "-binary",
            "-nodetach",
            "-nosmimecap",
            "-cades",
            "-md",
            "sha256",
            "-econtent_type",
            TST_INFO,
            "-signer",
            &signer,
            "-inkey",
            &key,
            "-in",
            "content",
            "-outform",
            "DER",
            "-out",
            "anew.tst",
        ]);
        let token = fs::read(self.path("anew.tst")).unwrap();
        let length = u16::try_from(token.len() + 5).unwrap().to_be_bytes();
        [&[0x30, 0x82, length[0], length[1], 0x30, 0x03, 0x02, 0x01, 0x00], &token[..]].concat()
    }

    /// What openssl makes of a response, as of an instant.
    pub(crate) fn openssl_accepts(&self, response: &[u8], sha256: &[u8; 32], root: &str, at: i64) -> bool {
        let file = tempfile::NamedTempFile::new_in(self.dir.path()).unwrap();
        fs::write(file.path(), response).unwrap();
        let (digest, at, root) = (hex::encode(sha256), at.to_string(), format!("{root}.pem"));
        let file = file.path().display().to_string();
        let args = ["ts", "-verify", "-digest", &digest, "-in", &file, "-CAfile", &root, "-attime", &at];
        self.run(&args).status.success()
    }

    /// The certificate `name` in PEM.
    pub(crate) fn pem(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(&format!("{name}.pem"))).unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Output {
        Command::new(program("openssl")).current_dir(self.dir.path()).args(args).output().unwrap()
    }

    pub(crate) fn openssl(&self, args: &[&str]) -> Vec<u8> {
        let output = self.run(args);
        assert!(output.status.success(), "openssl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }
}
