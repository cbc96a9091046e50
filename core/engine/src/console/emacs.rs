//! Emacs as a console: a shell buffer or an ansi-term named by the label, alone or above a shell on the target.

use super::line::{PATH, joined};
use super::{Way, terminal, window};
use ctys_model::{Console, ConsoleKind, Problem};
use std::fmt::Write;

/// What the Lisp of every kind begins with.
///
/// A shell buffer echoes what is typed, and so does the machine at the other end; `ctys-unecho` takes the second one
/// away, whole or in pieces, and leaves everything else alone. (`comint-process-echoes` would wait for an echo without
/// end, and a silent machine would hang Emacs.)
const COMMON: &str = r#"
(setq inhibit-startup-screen t)
(setq process-adaptive-read-buffering nil)
(defvar-local ctys-typed "")
(defun ctys-typed (input) (setq ctys-typed (concat input "\r\n")))
(defun ctys-unecho (output)
  (let ((n 0) (m 0))
    (while (and (< n (length output)) (< m (length ctys-typed))
                (or (eq (aref output n) (aref ctys-typed m))
                    (and (eq (aref ctys-typed m) ?\r) (eq (aref output n) ?\n) (setq m (1+ m)))))
      (setq n (1+ n) m (1+ m)))
    (setq ctys-typed (if (= n (length output)) (substring ctys-typed m) ""))
    (substring output n)))
(defun ctys-named (buffer label)
  (with-current-buffer buffer
    (rename-buffer label t)
    (set-process-query-on-exit-flag (get-buffer-process buffer) nil))
  buffer)
(defun ctys-shell (label line)
  (let ((buffer (make-comint-in-buffer label nil "/bin/sh" nil "-c" line "ctys" (or (getenv "CTYS_UP") "/dev/null"))))
    (with-current-buffer buffer
      (shell-mode)
      (shell-dirtrack-mode -1)
      (setq comint-process-echoes nil)
      (set-process-coding-system (get-buffer-process buffer) 'utf-8-unix 'utf-8-unix)
      (add-hook 'comint-input-filter-functions #'ctys-typed nil t)
      (add-hook 'comint-preoutput-filter-functions #'ctys-unecho nil t))
    (ctys-named buffer label)))
(defun ctys-term (label line)
  (let ((buffer (make-term label "/bin/sh" nil "-c" line "ctys" (or (getenv "CTYS_UP") "/dev/null"))))
    (with-current-buffer buffer
      (term-mode)
      (term-char-mode))
    (ctys-named buffer label)))
"#;

/// A shell on the machine that the console's machine runs on.
const SHELL: &[u8] = b"exec \"${SHELL:-/bin/sh}\" -i";

/// The call of Emacs. `here`: it runs on the caller's machine. `in_terminal`: without a window of its own.
pub fn program(console: &Console, way: &Way<'_>, here: bool, in_terminal: bool) -> Result<Vec<u8>, Problem> {
    let mut words: Vec<&[u8]> = vec![b"emacs"];
    let title = format!("--title={}", window::title(console));
    let geometry = way.geometry.and_then(window::geometry).map(|geometry| format!("--geometry={geometry}"));
    if in_terminal {
        words.push(b"-nw");
    } else {
        words.push(title.as_bytes());
        words.extend(geometry.as_ref().map(String::as_bytes));
    }
    words.extend(way.x_options.iter().map(String::as_bytes));
    let lisp = lisp(console, way, here)?;
    words.extend([&b"--eval"[..], lisp.as_bytes()]);
    joined(words)
}

/// Emacs in the caller's terminal.
pub fn in_terminal(console: &Console, way: &Way<'_>) -> Result<Vec<u8>, Problem> {
    let here = super::runs_here(way);
    let mut line = PATH.to_vec();
    line.extend(window::LOCALE.as_bytes());
    line.extend(b"exec ");
    line.extend(program(console, way, here, true)?);
    Ok(line)
}

fn lisp(console: &Console, way: &Way<'_>, here: bool) -> Result<String, Problem> {
    use ConsoleKind::*;
    let open = if matches!(console.kind, EmacsA | EmacsAM) { "ctys-term" } else { "ctys-shell" };
    let above = string(&window::inside(console, way, here)?);
    let label = string(window::title(console).as_bytes());
    let mut lisp = format!("(progn (require 'shell) (require 'term) {COMMON}\n");
    let _ = writeln!(lisp, "(switch-to-buffer ({open} {label} {above}))\n(delete-other-windows)");
    if matches!(console.kind, EmacsM | EmacsAM) {
        let shell = [PATH, SHELL].concat();
        let shell = if here { terminal::reaching_text(shell, way)? } else { shell };
        let (name, shell) = (string(way.target.to_string().as_bytes()), string(&shell));
        let _ = writeln!(lisp, "(save-selected-window (select-window (split-window-below))");
        let _ = writeln!(lisp, "  (setenv \"CTYS_UP\") (switch-to-buffer ({open} {name} {shell})))");
    }
    lisp.push_str("(setenv \"CTYS_UP\"))");
    Ok(lisp)
}

/// A Lisp string of exactly these bytes: characters stay characters, what is no UTF-8 stays the byte it is.
fn string(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' => out.extend(['\\', c]),
                ' '..='~' => out.push(c),
                '\n' => out.push_str("\\n"),
                c if c.is_ascii() => {
                    let _ = write!(out, "\\{:03o}", c as u32);
                }
                c => {
                    let _ = write!(out, "\\U{:08X}", c as u32);
                }
            }
        }
        // An octal escape above 0177 is a raw byte, and goes out to a process as it is.
        for byte in chunk.invalid() {
            let _ = write!(out, "\\{byte:03o}");
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_leaves_its_lisp_string() {
        let check = |bytes: &[u8], expected: &str| assert_eq!(string(bytes), expected);
        check(b"exec xl console 7", "\"exec xl console 7\"");
        check(b"a\"b\\c\nd\x1b\x7f", "\"a\\\"b\\\\c\\nd\\033\\177\"");
        check("caf\u{e9}".as_bytes(), "\"caf\\U000000E9\"");
        check(b"\xc2[\x80-\x9f]", "\"\\302[\\200-\\237]\"");
    }
}
