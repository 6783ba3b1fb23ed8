#!/usr/bin/env python3
"""Runs a terminal program in a pty, types keys, and draws what a person would see as a PNG (and as text).

    pip install pyte pillow; apt-get install -y fonts-dejavu-core fonts-nanum-coding
    assets/screenshot.py --size 160x45 --keys 'wait:20' --out assets/overview.png -- target/release/bongsu

Keys are separated by blanks: a character, enter esc tab space up down left right pgup pgdn home end bs, ctrl-X,
text:WORD, wait:SECONDS, shot:FILE (a picture on the way). The last picture goes to --out, its text beside it if --text.
"""
import argparse, fcntl, os, pty, select, signal, struct, termios, time
import pyte
from PIL import Image, ImageDraw, ImageFont

KEYS = dict(enter="\r", esc="\x1b", tab="\t", space=" ", up="\x1b[A", down="\x1b[B", right="\x1b[C", left="\x1b[D",
            pgup="\x1b[5~", pgdn="\x1b[6~", home="\x1b[H", end="\x1b[F", bs="\x7f")
BASIC = dict(black="1c1c1c", red="cd3131", green="0dbc79", brown="e5e510", blue="2472c8", magenta="bc3fbc",
             cyan="11a8cd", white="e5e5e5", brightblack="666666", brightred="f14c4c", brightgreen="23d18b",
             brightbrown="f5f543", brightblue="3b8eea", brightmagenta="d670d6", brightcyan="29b8db", brightwhite="ffffff")
BACKGROUND, FOREGROUND = "1c1c1c", "d4d4d4"
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSansMono%s.ttf"
HANGUL = "/usr/share/fonts/truetype/nanum/NanumGothicCoding.ttf"
DOTS = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)]


def colour(name, default):
    if name == "default":
        return "#" + default
    return "#" + (BASIC.get(name) or (name if len(name) == 6 else default))


def draw(screen, out, text, size=16):
    plain, bold = (ImageFont.truetype(FONT % style, size) for style in ("", "-Bold"))
    wide = ImageFont.truetype(HANGUL, size) if os.path.exists(HANGUL) else plain
    width, height = int(plain.getlength("M")), size + 4
    image = Image.new("RGB", (width * screen.columns, height * screen.lines), "#" + BACKGROUND)
    pen = ImageDraw.Draw(image)
    for y in range(screen.lines):
        for x in range(screen.columns):
            cell = screen.buffer[y][x]
            ink, paper = colour(cell.fg, FOREGROUND), colour(cell.bg, BACKGROUND)
            if cell.reverse:
                ink, paper = paper, ink
            left, top = x * width, y * height
            if paper != "#" + BACKGROUND:
                pen.rectangle([left, top, left + width - 1, top + height - 1], fill=paper)
            if not cell.data.strip():
                continue
            code = ord(cell.data[0])
            if 0x2800 <= code <= 0x28FF:  # braille is drawn as dots, so that no font is needed
                for bit, (dx, dy) in enumerate(DOTS):
                    if (code - 0x2800) >> bit & 1:
                        px, py = left + width * (1 + 2 * dx) / 4, top + height * (1 + 2 * dy) / 8
                        pen.ellipse([px - 1.3, py - 1.3, px + 1.3, py + 1.3], fill=ink)
                continue
            hangul = code >= 0x1100 and (code <= 0x11FF or 0x3000 <= code <= 0xD7FF or 0xF900 <= code <= 0xFFEF)
            pen.text((left, top + 1), cell.data, font=wide if hangul else bold if cell.bold else plain, fill=ink)
            if cell.underscore:
                pen.line([left, top + height - 1, left + width, top + height - 1], fill=ink)
    image.save(out)
    if text:
        with open(out.rsplit(".", 1)[0] + ".txt", "w") as file:
            file.write("\n".join(line.rstrip() for line in screen.display) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", default="160x45")
    parser.add_argument("--keys", default="wait:3")
    parser.add_argument("--out", default="shot.png")
    parser.add_argument("--term", default="xterm-256color")
    parser.add_argument("--text", action="store_true")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    columns, rows = map(int, args.size.split("x"))
    command = args.command[1:] if args.command[:1] == ["--"] else args.command
    screen = pyte.Screen(columns, rows)
    stream = pyte.ByteStream(screen)
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(TERM=args.term, LANG="C.UTF-8", LC_ALL="C.UTF-8")
        time.sleep(0.1)
        os.execvp(command[0], command)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def pump(seconds):
        end = time.time() + seconds
        while time.time() < end:
            if select.select([fd], [], [], max(0, min(0.05, end - time.time())))[0]:
                try:
                    data = os.read(fd, 1 << 16)
                except OSError:
                    return
                if b"\x1b[6n" in data:
                    os.write(fd, f"\x1b[{screen.cursor.y + 1};{screen.cursor.x + 1}R".encode())
                stream.feed(data)

    pump(1.0)
    for key in args.keys.split():
        if key.startswith("wait:"):
            pump(float(key[5:]))
        elif key.startswith("shot:"):
            draw(screen, key[5:], args.text)
        else:
            typed = key[5:] if key.startswith("text:") else chr(ord(key[5].upper()) - 64) if key.startswith("ctrl-") else KEYS.get(key, key)
            os.write(fd, typed.encode())
            pump(0.3)
    draw(screen, args.out, args.text)
    try:
        os.kill(pid, signal.SIGTERM)
        pump(1.0)
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass
    os.waitpid(pid, 0)


main()
