import { deflateSync } from 'node:zlib'
import { encode as encodePng } from 'fast-png'
import jpeg from 'jpeg-js'
import { expect, test } from 'vitest'
import { decodePicture, resize, toChannels } from './decode.js'
import { openData } from './open.js'
import { folderOf } from './testing/files.js'

const flat = (width: number, height: number, pixel: number[]) =>
  encodePng({
    width,
    height,
    channels: pixel.length,
    data: Uint8Array.from({ length: width * height * pixel.length }, (_, i) => pixel[i % pixel.length]),
  })
const jpg = (width: number, height: number, pixel: number[]) =>
  jpeg.encode({ width, height, data: Uint8Array.from({ length: width * height * 4 }, (_, i) => pixel[i % 4]) }, 95).data

test('a folder becomes a data set: classes sorted, records taking them in turn, sizes brought to the first', async () => {
  const folder = await folderOf({
    'train/b/1.PNG': flat(4, 2, [200, 0, 0]),
    'train/a/2.png': flat(4, 2, [10, 20, 30]),
    'train/a/1.jpeg': jpg(4, 2, [90, 90, 90, 255]),
    'train/a/3.png': flat(9, 5, [7, 8, 9, 0]),
    'train/a/.hidden.png': [0],
    'train/a/notes.txt': [0],
    'train/.cache/': [],
    'val/a/1.png': flat(4, 2, [50]),
    'val/b/1.png': flat(4, 2, [60]),
  })
  const data = await openData(`images:${folder}`)
  const train = await data.train()
  expect(train).toMatchObject({ classes: 2, classNames: ['a', 'b'], shape: [3, 2, 4], count: 4 })
  expect([...train.labels]).toEqual([0, 1, 0, 0])
  const means = Array.from({ length: 12 }, (_, plane) => train.images[plane * 8])
  expect(means.slice(3)).toEqual([200, 0, 0, 10, 20, 30, 7, 8, 9])
  for (const value of means.slice(0, 3)) expect(Math.abs(value - 90)).toBeLessThan(3)
  const val = await data.test()
  expect(val).toMatchObject({ shape: [3, 2, 4], count: 2 })
  expect([...val.images.subarray(0, 24)]).toEqual(new Array(24).fill(50))
  expect((await (await openData(`images:${folder},limit=2`)).train()).labels).toEqual(Uint32Array.of(0, 1))
  const grey = await (await openData(`images:${folder}`, { size: [1, 3, 3] })).train()
  expect(grey).toMatchObject({ shape: [1, 3, 3], count: 4 })
  expect(grey.images[9]).toBe(60)
})

test('damaged and missing images are errors that name the file or the class', async () => {
  const good = flat(4, 4, [1, 2, 3])
  const cases: [Record<string, ArrayLike<number>>, string | RegExp][] = [
    [{ 'train/a/1.png': good.subarray(0, good.length - 20) }, /a\/1\.png: damaged image/],
    [{ 'train/a/1.png': good.map((byte, i) => (i === 45 ? byte ^ 1 : byte)) }, /a\/1\.png: damaged image/],
    [{ 'train/a/1.jpg': jpg(16, 16, [9, 99, 200, 255]).subarray(0, 400) }, /a\/1\.jpg: damaged image/],
    [{ 'train/a/1.png': [1, 2, 3, 4, 5, 6, 7, 8, 9] }, 'not an image: expected PNG or JPEG, found a file that starts with 01 02 03 04'],
    [{ 'train/a/1.png': [] }, 'found an empty file'],
    [{ 'train/a/1.png': good, 'train/b/': [] }, "train/b: class 'b' is empty"],
    [{ 'train/1.png': good }, 'no class folder'],
    [{ 'val/a/1.png': good }, /train: cannot be read: expected a folder, found nothing there/],
    [{ 'train/a/1.png': flat(4, 4, [5]), 'train/a/2.png': good }, '2.png: channels: a colour image among grey ones'],
    [{ 'train/a/1.png': good, 'train/b/1.png': [0] }, 'b/1.png'],
  ]
  for (const [files, message] of cases) await expect((await openData(`images:${await folderOf(files)}`)).train()).rejects.toThrow(message)
})

test('images that are empty, too large, or packed far smaller than they are, are refused before there is memory for them', async () => {
  const sized = (width: number, height: number) => {
    const png = Uint8Array.from(flat(4, 4, [1, 2, 3]))
    new DataView(png.buffer).setUint32(16, width)
    new DataView(png.buffer).setUint32(20, height)
    return png
  }
  /** Both sides, of two equal bytes. */
  const jpegSized = (size: number) => {
    const bytes = Uint8Array.from(jpg(16, 16, [9, 9, 9, 255]))
    const at = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xc0)
    return bytes.fill(size, at + 5, at + 9)
  }
  const chunk = (type: string, data: Uint8Array, crc = 0) => {
    const bytes = Buffer.alloc(12 + data.length)
    bytes.writeUInt32BE(data.length)
    bytes.write(type, 4, 'latin1')
    bytes.set(data, 8)
    bytes.writeUInt32BE(crc, 8 + data.length)
    return bytes
  }
  const png = flat(4, 4, [1, 2, 3])
  const noise = Uint8Array.from({ length: 300_000 }, (_, i) => (i * i * 7919) >>> 5)
  const bomb = Buffer.concat([png.subarray(0, 33), chunk('IDAT', deflateSync(noise, { level: 0 })), chunk('IEND', new Uint8Array(0))])
  const profile = chunk('iCCP', Buffer.concat([Buffer.from('a\0\0'), deflateSync(Buffer.alloc(1e6))]))
  const cases: [Uint8Array, RegExp][] = [
    [sized(0, 0), /1\.png: size: an empty image: expected width and height from 1, found 0 x 0/],
    [sized(25_600, 25_600), /1\.png: size: too large an image: expected at most 67108864 pixels.* found 25600 x 25600, 1966080000 bytes/],
    [sized(2 ** 31, 1), /too large an image/],
    [jpegSized(0), /an empty image/],
    [jpegSized(255), /too large an image/],
    [jpegSized(10), /damaged image: expected at least 12901 bytes for 2570 x 2570, found \d+/],
    [bomb, /1\.png: IDAT: unpacks to more than its pixels: expected at most \d+ bytes, found more/],
    [Buffer.concat([png.subarray(0, 33), png.subarray(8)]), /damaged image: .*more than one IHDR/],
  ]
  for (const [bytes, message] of cases)
    await expect((await openData(`images:${await folderOf({ 'train/a/1.png': bytes })}`)).train()).rejects.toThrow(message)
  expect(decodePicture(Buffer.concat([png.subarray(0, 33), profile, png.subarray(33)]), 'profile').width).toBe(4)
  const folder = await folderOf({ 'train/a/1.png': png, 'train/a/2.png': png })
  await expect((await openData(`images:${folder}`, { memoryLimit: 95 })).train()).rejects.toThrow(
    /images: takes too much memory: .*memoryLimit.*found 2 images of 3 x 4 x 4/,
  )
  expect(await (await openData(`images:${folder}`, { memoryLimit: 96 })).train()).toMatchObject({ count: 2 })
})

test('val must have the classes of train, and stands alone where there is no train', async () => {
  const picture = flat(2, 2, [1, 2, 3])
  const less = await openData(`images:${await folderOf({ 'train/a/1.png': picture, 'train/b/1.png': picture, 'val/a/1.png': picture })}`)
  await expect(less.test()).rejects.toThrow("class 'b' is empty")
  const more = await openData(`images:${await folderOf({ 'train/a/1.png': picture, 'val/a/1.png': picture, 'val/c/1.png': picture })}`)
  await expect(more.test()).rejects.toThrow("class 'c' is not in train")
  const alone = await folderOf({ 'val/a/1.png': picture, 'val/b/1.png': picture })
  expect(await (await openData(`images:${alone}`)).test()).toMatchObject({ classes: 2, count: 2 })
  await expect((await openData(`images:${alone}`, { classes: 3 })).test()).rejects.toThrow('expected 3, found 2')
  await expect((await openData(`images:${alone}`, { size: [4, 2, 2] })).test()).rejects.toThrow('expected 1xHxW or 3xHxW, found 4x2x2')
})

test('PNG with alpha, 16 bits, 1 bit and a palette', () => {
  const grey = decodePicture(flat(2, 1, [70, 0]), 'grey with alpha')
  expect(grey).toMatchObject({ channels: 1, width: 2, height: 1, data: Uint8Array.of(70, 70) })
  const deep = encodePng({ width: 1, height: 1, channels: 3, depth: 16, data: Uint16Array.of(0xffff, 0x80ff, 0x00ff) })
  expect([...decodePicture(deep, 'deep').data]).toEqual([255, 128, 0])
  // 10 x 2, 1 bit grey: rows 1010101010 and 0000000001; made by hand, as the encoder writes 8 and 16 bits only.
  const bits = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAoAAAACAQAAAABJGnB9AAAADklEQVR4nGNY1cDA4AAABZgBazokIJMAAAAASUVORK5CYII=', 'base64')
  expect([...decodePicture(bits, 'bits').data]).toEqual([255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255])
  // 3 x 1, 2 bits of palette: entries 0, 2, 1.
  const palette = Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAMAAAABAgMAAABmjvwnAAAACVBMVEUBAgMoMjzI0tzO4TVdAAAACklEQVR4nGNQAQAAJgAlKNfYawAAAABJRU5ErkJggg==',
    'base64',
  )
  expect([...decodePicture(palette, 'palette').data]).toEqual([1, 200, 40, 2, 210, 50, 3, 220, 60])
})

test('channels and resizing', () => {
  expect([...toChannels({ channels: 3, width: 1, height: 1, data: Uint8Array.of(255, 0, 0) }, 1).data]).toEqual([76])
  const ramp = { channels: 1 as const, width: 4, height: 1, data: Uint8Array.of(0, 100, 200, 40) }
  expect([...resize(ramp, 1, 8).data]).toEqual([0, 25, 75, 125, 175, 160, 80, 40])
  // Shrinking averages with a widened triangle (1, 3, 3, 1) / 8, cut at the border and renormalised.
  expect([...resize(ramp, 1, 2).data]).toEqual([Math.round((3 * 0 + 3 * 100 + 200) / 7), Math.round((100 + 3 * 200 + 3 * 40) / 7)])
  expect([...resize({ ...ramp, width: 1, height: 4 }, 8, 1).data]).toEqual([0, 25, 75, 125, 175, 160, 80, 40])
  expect([...resize({ channels: 3, width: 7, height: 5, data: new Uint8Array(105).fill(93) }, 3, 4).data]).toEqual(new Array(36).fill(93))
})
