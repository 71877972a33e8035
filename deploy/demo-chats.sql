-- One batch of chats for deploy/quickstart --demo-data: the chats number :first to :last of 1 million, which are spread
-- evenly over the last year and over the pupils and subjects of demo-data.sql.
INSERT INTO chat_history (user_id, subject_id, question, response, confidence, created_at)
SELECT pupils.ids[1 + (n * 7919) % array_length(pupils.ids, 1)],
       subjects.ids[1 + (n * 104729) % array_length(subjects.ids, 1)],
       'Pertanyaan ' || n || ': ' ||
       (ARRAY['bagaimana cara menyelesaikan persamaan kuadrat?', 'apa itu gaya gesek?', 'mengapa langit berwarna biru?',
              'bisakah dijelaskan sekali lagi dengan contoh?', 'apa penyebab Perang Diponegoro?'])[1 + n % 5],
       'Mari kita bahas langkah demi langkah. ' ||
       repeat('Perhatikan dahulu apa yang diketahui dan apa yang ditanyakan. ', (1 + n % 4)::int) ||
       'Coba kerjakan sendiri, lalu bandingkan hasilnya.',
       round((0.5 + (n % 50) / 100.0)::numeric, 2),
       now() - (1000000 - n) * interval '31.536 s'
FROM generate_series(:first::bigint, :last::bigint) n,
     (SELECT array_agg(id ORDER BY id) AS ids FROM users WHERE username ~ '^siswa[0-9]{3}$') pupils,
     (SELECT array_agg(id ORDER BY id) AS ids FROM subjects) subjects;
