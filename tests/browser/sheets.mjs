// Files as offices send them: a workbook as small as one can be, and a list in GBK. Made here, so that no library
// and no binary file stands in the repository.

/** A workbook of one sheet; every cell is a text. */
export function xlsx(rows) {
  const cell = (text) => `<c t="inlineStr"><is><t xml:space="preserve">${escape(text)}</t></is></c>`;
  const sheet = rows.map((row) => `<row>${row.map(cell).join("")}</row>`).join("");
  const main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
  const office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
  const packed = "http://schemas.openxmlformats.org/package/2006";
  const kind = "application/vnd.openxmlformats-officedocument.spreadsheetml";
  return zip([
    ["[Content_Types].xml", `<Types xmlns="${packed}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="${kind}.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="${kind}.worksheet+xml"/></Types>`],
    ["_rels/.rels", `<Relationships xmlns="${packed}/relationships"><Relationship Id="r1" Type="${office}/officeDocument" Target="xl/workbook.xml"/></Relationships>`],
    ["xl/workbook.xml", `<workbook xmlns="${main}" xmlns:r="${office}"><sheets><sheet name="资产" sheetId="1" r:id="r1"/></sheets></workbook>`],
    ["xl/_rels/workbook.xml.rels", `<Relationships xmlns="${packed}/relationships"><Relationship Id="r1" Type="${office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`],
    ["xl/worksheets/sheet1.xml", `<worksheet xmlns="${main}"><sheetData>${sheet}</sheetData></worksheet>`],
  ].map(([name, text]) => [name, Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>${text}`)]));
}

const escape = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

/** A text as Excel on a Chinese desktop saves it. */
export function gbk(text) {
  const bytes = [];
  for (const char of text) {
    const code = char.codePointAt(0) < 128 ? [char.codePointAt(0)] : table().get(char);
    if (!code) throw new Error(`${char} is not in GBK`);
    bytes.push(...code);
  }
  return Buffer.from(bytes);
}

let reversed;
function table() {
  if (!reversed) {
    reversed = new Map();
    const decoder = new TextDecoder("gbk");
    for (let high = 0x81; high < 0xff; high += 1) {
      for (let low = 0x40; low < 0xff; low += 1) {
        const char = decoder.decode(Uint8Array.of(high, low));
        if ([...char].length === 1 && char !== "\ufffd") reversed.set(char, [high, low]);
      }
    }
  }
  return reversed;
}

// Files one after the other, not compressed, and the directory that a ZIP ends with.
function zip(files) {
  const parts = [], directory = [];
  let at = 0;
  for (const [name, bytes] of files) {
    const label = Buffer.from(name);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0); // version
    common.writeUInt32LE(crc32(bytes), 10);
    common.writeUInt32LE(bytes.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(label.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04", "latin1"), common, label, bytes]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(at, 10);
    directory.push(Buffer.concat([Buffer.from("PK\x01\x02\x14\x00", "latin1"), common, tail, label]));
    parts.push(local);
    at += local.length;
  }
  const list = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(list.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, list, end]);
}

function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  }
  return ~crc >>> 0;
}
