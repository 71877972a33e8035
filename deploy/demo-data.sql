-- One school for deploy/quickstart --demo-data: 500 pupils, 10 teachers, 30 subjects, 90 books. Chats are demo-chats.sql's.
-- The user `siswa001` exists already; everyone gets the same password by sharing that user's hash. Harmless when repeated.
INSERT INTO users (username, password_hash, role, full_name)
SELECT 'siswa' || lpad(n::text, 3, '0'), hash, 'siswa',
       (ARRAY['Adi','Ayu','Bagus','Citra','Dewi','Eka','Fajar','Gita','Hadi','Indah'])[1 + n % 10] || ' ' ||
       (ARRAY['Pratama','Lestari','Santoso','Wijaya','Permata','Saputra','Utami'])[1 + n % 7]
FROM generate_series(2, 500) n, (SELECT password_hash AS hash FROM users WHERE username = 'siswa001') first
ON CONFLICT DO NOTHING;

INSERT INTO users (username, password_hash, role, full_name)
SELECT 'guru' || lpad(n::text, 2, '0'), hash, 'guru', 'Guru ' || n
FROM generate_series(1, 10) n, (SELECT password_hash AS hash FROM users WHERE username = 'siswa001') first
ON CONFLICT DO NOTHING;

INSERT INTO subjects (grade, name, code)
SELECT grade, name, code || '-' || grade
FROM generate_series(10, 12) grade,
     (VALUES ('Matematika', 'MTK'), ('Fisika', 'FIS'), ('Kimia', 'KIM'), ('Biologi', 'BIO'), ('Bahasa Indonesia', 'BIN'),
             ('Bahasa Inggris', 'BIG'), ('Sejarah', 'SEJ'), ('Geografi', 'GEO'), ('Ekonomi', 'EKO'), ('Informatika', 'INF'))
     s (name, code)
ON CONFLICT DO NOTHING;

INSERT INTO books (subject_id, title, filename, vkp_version, chunk_count)
SELECT s.id, s.name || ' kelas ' || s.grade || ', jilid ' || n, lower(s.code) || '-' || n || '.pdf', '1.' || n || '.0',
       100 + 10 * n
FROM subjects s, generate_series(1, 3) n
WHERE s.code ~ '^(MTK|FIS|KIM|BIO|BIN|BIG|SEJ|GEO|EKO|INF)-1[0-2]$'
  AND NOT EXISTS (SELECT FROM books b WHERE b.subject_id = s.id AND b.title = s.name || ' kelas ' || s.grade || ', jilid ' || n);
